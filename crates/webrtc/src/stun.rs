//! The one thing a demultiplexer must read of STUN (RFC 8489): for whom a connectivity check is.

const HEADER: usize = 20;
const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const USERNAME: u16 = 0x0006;

/// The ufrag of the addressed agent, if the datagram is a STUN message with a user name.
///
/// The user name of a check is "addressee:sender" (RFC 8445 §7.2.2). Nothing is authenticated here.
pub fn addressed_ufrag(datagram: &[u8]) -> Option<&str> {
    if *datagram.first()? >= 4 || datagram.get(4..8)? != MAGIC_COOKIE {
        return None;
    }
    let mut rest = datagram.get(HEADER..)?;
    loop {
        let [t0, t1, l0, l1, value @ ..] = rest else {
            return None;
        };
        let length = usize::from(u16::from_be_bytes([*l0, *l1]));
        let value_only = value.get(..length)?;
        if u16::from_be_bytes([*t0, *t1]) == USERNAME {
            let name = std::str::from_utf8(value_only).ok()?;
            return name.split_once(':').map(|(addressee, _)| addressee);
        }
        rest = value.get(length.next_multiple_of(4)..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(attributes: &[u8]) -> Vec<u8> {
        let mut message = vec![0, 1, 0, attributes.len() as u8];
        message.extend(MAGIC_COOKIE);
        message.extend([9; 12]);
        message.extend(attributes);
        message
    }

    #[test]
    fn the_addressee_is_found_behind_other_attributes() {
        let mut attributes = vec![0x80, 0x22, 0, 3, 1, 2, 3, 0]; // SOFTWARE, padded
        attributes.extend([0, 6, 0, 7]);
        attributes.extend(b"ours:hi\0");
        assert_eq!(addressed_ufrag(&message(&attributes)), Some("ours"));
    }

    #[test]
    fn what_is_no_check_or_lies_about_its_length_has_none() {
        assert_eq!(addressed_ufrag(&[]), None);
        assert_eq!(addressed_ufrag(&[0x80; 40]), None);
        assert_eq!(addressed_ufrag(&message(&[])), None);
        assert_eq!(addressed_ufrag(&message(&[0, 6, 0, 200, b'a', b':'])), None);
        assert_eq!(
            addressed_ufrag(&message(&[0, 6, 0, 4, b'n', b'o', b'n', b'e'])),
            None
        );
    }
}
