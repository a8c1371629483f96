//! The greeting: 64 bytes that say who speaks which version and mechanism.

use bytes::BytesMut;

use crate::error::{Error, Violation, printable};

/// The length of a greeting.
pub(crate) const GREETING_LEN: usize = 64;

const SIGNATURE_END: usize = 9;
const REVISION: usize = 10;
const MINOR: usize = 11;
const MECHANISM: std::ops::Range<usize> = 12..32;
const AS_SERVER: usize = 32;

/// The minor version this crate speaks.
pub(crate) const OUR_MINOR: u8 = 1;

/// Appends our greeting: 3.1, `NULL`, not a server.
pub(crate) fn put_greeting(out: &mut BytesMut) {
    let mut greeting = [0; GREETING_LEN];
    greeting[0] = 0xff;
    greeting[SIGNATURE_END] = 0x7f;
    greeting[REVISION] = 3;
    greeting[MINOR] = OUR_MINOR;
    greeting[MECHANISM][..4].copy_from_slice(b"NULL");
    out.extend_from_slice(&greeting);
}

/// Checks as much of the peer's greeting as has arrived.
///
/// Returns the peer's minor version once all 64 bytes are there. A peer of a later major
/// version must speak ours, so it counts as 3.1.
pub(crate) fn check_greeting(bytes: &[u8]) -> Result<Option<u8>, Error> {
    for (at, expect) in [(0, 0xff), (SIGNATURE_END, 0x7f)] {
        match bytes.get(at) {
            Some(&byte) if byte != expect => return Err(Error::NotZmtp { at, byte }),
            _ => (),
        }
    }
    let Some(&revision) = bytes.get(REVISION) else {
        return Ok(None);
    };
    if revision < 3 {
        return Err(Error::TooOld { revision });
    }
    let Some(mechanism) = bytes.get(MECHANISM) else {
        return Ok(None);
    };
    check_mechanism(mechanism)?;
    match bytes.get(AS_SERVER) {
        Some(&byte) if 1 < byte => return Err(Violation::AsServer { byte }.into()),
        _ => (),
    }
    if bytes.len() < GREETING_LEN {
        return Ok(None);
    }
    Ok(Some(if revision == 3 { bytes[MINOR] } else { OUR_MINOR }))
}

fn check_mechanism(padded: &[u8]) -> Result<(), Error> {
    let end = padded.iter().rposition(|&byte| byte != 0).map_or(0, |at| at + 1);
    match &padded[..end] {
        b"NULL" => Ok(()),
        theirs => Err(Error::Mechanism { theirs: printable(theirs) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours() -> BytesMut {
        let mut out = BytesMut::new();
        put_greeting(&mut out);
        out
    }

    #[track_caller]
    fn check(edit: impl FnOnce(&mut BytesMut), expect: Result<Option<u8>, &str>) {
        let mut greeting = ours();
        edit(&mut greeting);
        let seen = check_greeting(&greeting).map_err(|it| it.to_string());
        assert_eq!(seen.as_ref().map(|it| *it).map_err(String::as_str), expect);
    }

    #[test]
    fn our_greeting_is_what_rfc_37_says() {
        let mut expect = b"\xff\0\0\0\0\0\0\0\0\x7f\x03\x01NULL".to_vec();
        expect.resize(64, 0);
        assert_eq!(ours(), expect);
    }

    #[test]
    fn a_greeting_is_complete_with_its_64th_byte() {
        let greeting = ours();
        for len in 0..64 {
            assert_eq!(check_greeting(&greeting[..len]), Ok(None));
        }
        assert_eq!(check_greeting(&greeting), Ok(Some(1)));
    }

    #[test]
    fn padding_filler_and_later_versions_are_accepted() {
        check(|it| it[1..9].fill(0xaa), Ok(Some(1)));
        check(|it| it[33..].fill(0xaa), Ok(Some(1)));
        check(|it| it[MINOR] = 0, Ok(Some(0)));
        check(|it| it[MINOR] = 9, Ok(Some(9)));
        check(|it| it[REVISION..=MINOR].copy_from_slice(&[4, 0]), Ok(Some(1)));
        check(|it| it[AS_SERVER] = 1, Ok(Some(1)));
    }

    #[test]
    fn another_protocol_is_named_with_its_first_byte() {
        check(
            |it| *it = BytesMut::from(b"G".as_slice()),
            Err("peer does not speak ZMTP: byte 0 of its greeting is 0x47 ('G')"),
        );
        check(|it| it[9] = 0, Err("peer does not speak ZMTP: byte 9 of its greeting is 0x00"));
    }

    #[test]
    fn an_old_version_is_named_with_its_revision_byte() {
        let text = "peer speaks a ZMTP older than 3.0 (revision 1)";
        check(|it| it[REVISION] = 1, Err(text));
        check(|it| it.extend_from_slice(b"..."), Ok(Some(1)));
        let mut short = ours();
        short[REVISION] = 0;
        assert_eq!(check_greeting(&short[..11]), Err(Error::TooOld { revision: 0 }));
    }

    #[test]
    fn another_mechanism_is_named_before_the_greeting_is_whole() {
        let mut greeting = ours();
        greeting[12..32].copy_from_slice(b"CURVE\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
        assert_eq!(check_greeting(&greeting[..31]), Ok(None));
        let expect = Error::Mechanism { theirs: "CURVE".to_owned() };
        assert_eq!(check_greeting(&greeting[..32]), Err(expect));
        check(
            |it| it[16] = b'L',
            Err("peer wants the security mechanism \"NULLL\", this side speaks NULL"),
        );
        check(
            |it| it[12..32].fill(0),
            Err("peer wants the security mechanism \"\", this side speaks NULL"),
        );
    }

    #[test]
    fn an_as_server_byte_above_one_is_refused() {
        check(
            |it| it[AS_SERVER] = 2,
            Err("peer broke the protocol: as-server byte 0x02 in the greeting"),
        );
    }
}
