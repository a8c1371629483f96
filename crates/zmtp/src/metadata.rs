//! The properties peers tell each other in `READY`.

use bytes::{BufMut, Bytes, BytesMut};

use crate::error::{Error, Limit, Violation, check};

/// How many properties a `READY` may carry.
const MAX_PROPERTIES: usize = 64;

/// Properties of a connection: names and values in the order of the wire.
///
/// Names are compared without regard to case; each occurs once.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Metadata(Vec<(String, Bytes)>);

impl Metadata {
    /// No properties.
    pub fn new() -> Self {
        Self::default()
    }

    /// The value of a property, whatever the case of its name.
    pub fn get(&self, name: &str) -> Option<&Bytes> {
        let found = self.0.iter().find(|(it, _)| it.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value)
    }

    /// Adds a property, or replaces the value of the one with that name.
    ///
    /// # Errors
    /// [`MetadataError`] when the name is not 1 to 255 letters, digits and `-_.+`; nothing
    /// is changed then.
    pub fn insert(
        &mut self,
        name: impl Into<String>,
        value: impl Into<Bytes>,
    ) -> Result<(), MetadataError> {
        let (name, value) = (name.into(), value.into());
        if !is_name(name.as_bytes()) {
            return Err(MetadataError { name });
        }
        match self.0.iter_mut().find(|(it, _)| it.eq_ignore_ascii_case(&name)) {
            Some((_, old)) => *old = value,
            None => self.0.push((name, value)),
        }
        Ok(())
    }

    /// All properties in the order of the wire.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Bytes)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// The number of properties.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no properties.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads the properties of a `READY`; they are copied, so that they pin no read buffer.
    pub(crate) fn parse(mut bytes: &[u8]) -> Result<Self, Error> {
        let mut res = Self::new();
        while !bytes.is_empty() {
            let (name, value, rest) = split_property(bytes).ok_or(malformed("cut short"))?;
            let name = str::from_utf8(name).ok().filter(|it| is_name(it.as_bytes()));
            let name = name.ok_or(malformed("bad property name"))?;
            check(Limit::Properties, res.len() as u64 + 1, MAX_PROPERTIES)?;
            if res.get(name).is_some() {
                return Err(malformed("property given twice").into());
            }
            res.0.push((name.to_owned(), Bytes::copy_from_slice(value)));
            bytes = rest;
        }
        Ok(res)
    }
}

/// A property name that ZMTP does not allow.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{name:?} is not a property name: 1 to 255 letters, digits, and -_.+")]
pub struct MetadataError {
    /// The name as it was given.
    pub name: String,
}

/// Appends one property as it stands in a `READY`. The name was checked before.
pub(crate) fn put_property(name: &str, value: &[u8], out: &mut BytesMut) {
    out.put_u8(name.len() as u8);
    out.put_slice(name.as_bytes());
    out.put_u32(value.len() as u32);
    out.put_slice(value);
}

fn split_property(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (&name_len, rest) = bytes.split_first()?;
    let (name, rest) = rest.split_at_checked(usize::from(name_len))?;
    let (&value_len, rest) = rest.split_first_chunk()?;
    let value_len = usize::try_from(u32::from_be_bytes(value_len)).ok()?;
    let (value, rest) = rest.split_at_checked(value_len)?;
    Some((name, value, rest))
}

fn is_name(name: &[u8]) -> bool {
    let is_name_char = |it: &u8| it.is_ascii_alphanumeric() || b"-_.+".contains(it);
    (1..=255).contains(&name.len()) && name.iter().all(is_name_char)
}

fn malformed(fault: &'static str) -> Violation {
    Violation::MalformedCommand { command: "READY", fault }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_parse(bytes: &[u8], expect: &str) {
        let text = match Metadata::parse(bytes) {
            Ok(it) => it.iter().map(|(k, v)| format!("{k}={} ", v.escape_ascii())).collect(),
            Err(error) => error.to_string(),
        };
        assert_eq!(text, expect);
    }

    #[test]
    fn properties_are_read_in_order() {
        check_parse(b"", "");
        check_parse(b"\x01b\0\0\0\x021\0\x01A\0\0\0\0", "b=1\\x00 A= ");
    }

    #[test]
    fn a_property_that_is_cut_short_is_refused() {
        let cut_short = "peer broke the protocol: malformed READY command: cut short";
        let whole = b"\x01b\0\0\0\x0212";
        for len in 1..whole.len() {
            check_parse(&whole[..len], cut_short);
        }
        check_parse(b"\x01b\xff\xff\xff\xff12", cut_short);
    }

    #[test]
    fn bad_and_double_names_are_refused() {
        let bad = "peer broke the protocol: malformed READY command: bad property name";
        check_parse(b"\0\0\0\0\0", bad);
        check_parse(b"\x01 \0\0\0\0", bad);
        check_parse(b"\x02\xc3\xa9\0\0\0\0", bad);
        check_parse(
            b"\x01b\0\0\0\0\x01B\0\0\0\0",
            "peer broke the protocol: malformed READY command: property given twice",
        );
    }

    #[test]
    fn the_number_of_properties_is_limited() {
        let many: Vec<u8> = (0..65_u8).flat_map(|n| [2, b'a', b'0' + n % 10, 0, 0, 0, 0]).collect();
        let mut out = BytesMut::new();
        for n in 0..65 {
            put_property(&format!("p{n}"), b"", &mut out);
        }
        check_parse(&out, "properties limit exceeded: 65 announced, 64 allowed");
        assert!(Metadata::parse(&many).is_err());
    }

    #[test]
    fn get_and_insert_ignore_case() {
        let mut it = Metadata::new();
        it.insert("X-Gleis-Codec", "json").unwrap();
        it.insert("x-gleis-codec", "bincode").unwrap();
        assert_eq!(it.get("X-GLEIS-CODEC").unwrap(), "bincode");
        assert_eq!(it.len(), 1);
        assert!(it.insert("", "").is_err());
        assert!(it.insert("a b", "").is_err());
        assert!(it.insert("a".repeat(256), "").is_err());
    }
}
