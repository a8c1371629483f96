//! Blanks behind a message that say who sent it.

/// As many blanks as a number has bits.
const LEN: usize = 64;

/// The blanks for `id`, the highest bit first: a space is 0, a tab is 1.
pub(crate) fn mark(id: u64) -> [u8; LEN] {
    std::array::from_fn(|at| if id >> (LEN - 1 - at) & 1 == 0 { b' ' } else { b'\t' })
}

/// Who sent `text`, if its end says so.
pub(crate) fn marked(text: &[u8]) -> Option<u64> {
    let (_, end) = text.split_last_chunk::<LEN>()?;
    end.iter().try_fold(0, |id, blank| match blank {
        b' ' => Some(id << 1),
        b'\t' => Some(id << 1 | 1),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_as_it_was_written() {
        for id in [0, 1, u64::MAX, 0x0123_4567_89ab_cdef] {
            assert_eq!(marked(&[b"{}", &mark(id)[..]].concat()), Some(id));
        }
    }

    #[test]
    fn what_ends_otherwise_has_no_mark() {
        let short = [b"{}", &mark(7)[1..]].concat();
        for text in [&b""[..], b"{}", &short, &[&mark(7)[..], b"}"].concat()] {
            assert_eq!(marked(text), None);
        }
    }
}
