//! The frames of a message before its last one.

use std::fmt;

use bytes::Bytes;

/// Bytes that frames kept in place have in all, a length byte each included.
const ROOM: usize = 36;

/// The frames of a message before its last one.
///
/// Most messages have none, a publication has its topic, a request its id and an empty frame: none of
/// these needs an allocation here. A long list is kept as it is.
#[derive(Clone, Default)]
pub struct Head(Frames);

#[derive(Clone, Default)]
enum Frames {
    // Invariant: two frames or more.
    Many(Vec<Bytes>),
    #[default]
    None,
    One(Bytes),
    Short(Short),
}

/// Frames in place, each behind a byte that says how long it is.
#[derive(Clone, Copy)]
struct Short {
    bytes: [u8; ROOM],
    // Invariant: one frame or more, in the first `len` bytes.
    n_frames: u8,
    len: u8,
}

impl Head {
    /// No frames.
    pub fn new() -> Self {
        Self::default()
    }

    /// The frames of `parts`, copied; short ones need no allocation.
    #[inline]
    pub fn copied<const N: usize>(parts: [&[u8]; N]) -> Self {
        let in_place = if 0 < N { Self::in_place(parts.into_iter()) } else { None };
        in_place.unwrap_or_else(|| parts.into_iter().map(Bytes::copy_from_slice).collect())
    }

    /// One frame or more, copied into place; `None` if they do not fit.
    #[inline]
    pub(crate) fn in_place<'a>(frames: impl Iterator<Item = &'a [u8]>) -> Option<Self> {
        let mut short = Short { bytes: [0; ROOM], n_frames: 0, len: 0 };
        for frame in frames {
            short.put(frame)?;
        }
        Some(Self(Frames::Short(short)))
    }

    /// How many frames there are.
    #[inline]
    pub fn len(&self) -> usize {
        match &self.0 {
            Frames::Many(all) => all.len(),
            Frames::None => 0,
            Frames::One(_) => 1,
            Frames::Short(short) => usize::from(short.n_frames),
        }
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        matches!(self.0, Frames::None)
    }

    /// The bytes of all frames, without their headers.
    #[inline]
    pub fn n_bytes(&self) -> usize {
        match &self.0 {
            Frames::Many(all) => all.iter().map(Bytes::len).sum(),
            Frames::None => 0,
            Frames::One(one) => one.len(),
            Frames::Short(short) => usize::from(short.len - short.n_frames),
        }
    }

    /// The frames, first to last.
    #[inline]
    pub fn iter(&self) -> Iter<'_> {
        match &self.0 {
            Frames::Many(all) => Iter(Left::Shared(all)),
            Frames::None => Iter(Left::Shared(&[])),
            Frames::One(one) => Iter(Left::Shared(std::slice::from_ref(one))),
            Frames::Short(short) => Iter(Left::InPlace(&short.bytes[..usize::from(short.len)])),
        }
    }

    /// The first frame.
    #[inline]
    pub fn first(&self) -> Option<&[u8]> {
        self.iter().next()
    }

    /// The last frame.
    pub fn last(&self) -> Option<&[u8]> {
        self.iter().last()
    }

    /// A frame as shared bytes: copied if it is kept in place.
    pub fn shared(&self, at: usize) -> Option<Bytes> {
        match &self.0 {
            Frames::Many(all) => all.get(at).cloned(),
            Frames::None => None,
            Frames::One(one) => (at == 0).then(|| one.clone()),
            Frames::Short(_) => self.iter().nth(at).map(Bytes::copy_from_slice),
        }
    }

    /// Takes the first frame off.
    pub fn pop_first(&mut self) -> Option<Bytes> {
        match std::mem::take(&mut self.0) {
            Frames::None => None,
            Frames::One(one) => Some(one),
            frames => {
                let mut all = Self(frames).into_vec();
                let first = all.remove(0);
                *self = all.into();
                Some(first)
            }
        }
    }

    /// Appends a frame.
    pub fn push(&mut self, frame: Bytes) {
        self.0 = match std::mem::take(&mut self.0) {
            Frames::None => Frames::One(frame),
            frames => {
                let mut all = Self(frames).into_vec();
                all.push(frame);
                Frames::Many(all)
            }
        };
    }

    /// Appends all frames of `other`.
    pub fn append(&mut self, other: Self) {
        if self.is_empty() {
            *self = other;
        } else {
            other.into_vec().into_iter().for_each(|it| self.push(it));
        }
    }

    /// Keeps the first `at` frames and gives back the others.
    #[must_use]
    pub fn split_off(&mut self, at: usize) -> Self {
        if self.len() <= at {
            return Self::new();
        }
        let mut all = std::mem::take(self).into_vec();
        let rest = all.split_off(at);
        *self = all.into();
        rest.into()
    }

    /// All frames in a list.
    pub fn into_vec(self) -> Vec<Bytes> {
        match self.0 {
            Frames::Many(all) => all,
            Frames::None => Vec::new(),
            Frames::One(one) => vec![one],
            Frames::Short(_) => self.iter().map(Bytes::copy_from_slice).collect(),
        }
    }
}

impl Short {
    /// `None` if there is no room for it.
    #[inline]
    fn put(&mut self, frame: &[u8]) -> Option<()> {
        let at = usize::from(self.len);
        let room = self.bytes.get_mut(at..at + 1 + frame.len())?;
        let (len, rest) = room.split_first_mut()?;
        // No truncation: it fits into the room.
        *len = frame.len() as u8;
        rest.copy_from_slice(frame);
        self.len += 1 + frame.len() as u8;
        self.n_frames += 1;
        Some(())
    }
}

/// The frames of a [`Head`].
#[derive(Clone, Debug)]
pub struct Iter<'a>(Left<'a>);

#[derive(Clone, Debug)]
enum Left<'a> {
    InPlace(&'a [u8]),
    Shared(&'a [Bytes]),
}

impl<'a> Iterator for Iter<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        match &mut self.0 {
            Left::InPlace(left) => {
                let (len, rest) = left.split_first()?;
                let (frame, rest) = rest.split_at_checked(usize::from(*len))?;
                *left = rest;
                Some(frame)
            }
            Left::Shared(left) => {
                let (frame, rest) = left.split_first()?;
                *left = rest;
                Some(frame)
            }
        }
    }
}

impl<'a> IntoIterator for &'a Head {
    type Item = &'a [u8];
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl From<Bytes> for Head {
    #[inline]
    fn from(frame: Bytes) -> Self {
        Self(Frames::One(frame))
    }
}

impl From<Vec<Bytes>> for Head {
    fn from(mut frames: Vec<Bytes>) -> Self {
        match frames.len() {
            0 => Self::new(),
            1 => frames.pop().map_or_else(Self::new, Self::from),
            _ => Self(Frames::Many(frames)),
        }
    }
}

impl FromIterator<Bytes> for Head {
    fn from_iter<I: IntoIterator<Item = Bytes>>(frames: I) -> Self {
        frames.into_iter().collect::<Vec<_>>().into()
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Head {}

impl fmt::Debug for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|it| it.escape_ascii().to_string())).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(frames: &[&'static str]) -> Head {
        frames.iter().map(|it| Bytes::from_static(it.as_bytes())).collect()
    }

    #[track_caller]
    fn check(head: &Head, expect: &[&str]) {
        let got: Vec<&[u8]> = head.iter().collect();
        let expect: Vec<&[u8]> = expect.iter().map(|it| it.as_bytes()).collect();
        assert_eq!(got, expect);
        assert_eq!(head.len(), expect.len());
        assert_eq!(head.is_empty(), expect.is_empty());
        assert_eq!(head.n_bytes(), expect.iter().map(|it| it.len()).sum::<usize>());
        for at in 0..=expect.len() {
            assert_eq!(head.shared(at).as_deref(), expect.get(at).copied());
        }
        assert_eq!(head.clone().into_vec(), expect);
    }

    #[test]
    fn frames_are_the_same_however_they_are_kept() {
        check(&Head::copied([b"12345678", b""]), &["12345678", ""]);
        check(&Head::copied([b"", b"", b"a"]), &["", "", "a"]);
        check(&Head::copied([b"alone"]), &["alone"]);
        check(&Head::copied([]), &[]);
        for frames in [&[][..], &["eu"], &["12345678", ""], &["a", "", "c"]] {
            check(&head(frames), frames);
        }
        assert_eq!(Head::copied([b"12345678", b""]), head(&["12345678", ""]));
    }

    #[test]
    fn what_does_not_fit_in_place_is_kept_as_well() {
        let long = "x".repeat(ROOM - 1);
        for (a, b) in [(long.as_str(), ""), (&long[1..], ""), (&long[2..], ""), ("", long.as_str())]
        {
            check(&Head::copied([a.as_bytes(), b.as_bytes()]), &[a, b]);
        }
    }

    #[test]
    fn frames_come_and_go_at_either_end() {
        let mut it = Head::copied([b"1", b"2"]);
        it.push(Bytes::from_static(b"3"));
        check(&it, &["1", "2", "3"]);
        assert_eq!(it.pop_first().as_deref(), Some(&b"1"[..]));
        let rest = it.split_off(1);
        check(&it, &["2"]);
        check(&rest, &["3"]);
        assert!(it.split_off(1).is_empty());
        it.append(rest);
        check(&it, &["2", "3"]);
        assert_eq!((it.first(), it.last()), (Some(&b"2"[..]), Some(&b"3"[..])));
        while it.pop_first().is_some() {}
        check(&it, &[]);
        it.append(head(&["x"]));
        check(&it, &["x"]);
    }
}
