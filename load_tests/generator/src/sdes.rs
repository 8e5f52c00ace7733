//! SRTP with keys in the SDP (RFC 4568), as far as a called party needs it that always takes AES-128-GCM.

use srtp::{MasterKey, Profile, Receiver, Sender};

const PROFILE: Profile = Profile::AeadAes128Gcm;
const KEY: usize = PROFILE.key_length() + PROFILE.salt_length();
const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// What protects one stream.
pub struct Guard {
    pub sender: Sender,
    pub receiver: Receiver,
}

/// The guard of a call, and the line that answers the offer's; None if AES-128-GCM was not offered.
pub fn answer(offer: &str, call: usize) -> Option<(Guard, String)> {
    let (tag, theirs) = offer.lines().find_map(offered)?;
    let mut ours = [0x5A; KEY]; // only what is measured goes through it
    ours[..8].copy_from_slice(&(call as u64).to_be_bytes());
    let guard = Guard {
        sender: Sender::new(&MasterKey::new(PROFILE, &ours).ok()?).ok()?,
        receiver: Receiver::new(&MasterKey::new(PROFILE, &theirs).ok()?).ok()?,
    };
    let line = format!(
        "a=crypto:{tag} {} inline:{}\r\n",
        PROFILE.name(),
        encode(&ours)
    );
    Some((guard, line))
}

fn offered(line: &str) -> Option<(&str, Vec<u8>)> {
    let mut words = line.strip_prefix("a=crypto:")?.split_whitespace();
    let (tag, suite, key) = (words.next()?, words.next()?, words.next()?);
    let key = key.strip_prefix("inline:")?.split('|').next()?;
    (suite == PROFILE.name()).then_some((tag, decode(key)?))
}

fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let (mut bits, mut held) = (0u32, 0);
    for digit in text.trim_end_matches('=').bytes() {
        bits = bits << 6 | DIGITS.iter().position(|&known| known == digit)? as u32;
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
        }
    }
    Some(bytes)
}

fn encode(bytes: &[u8]) -> String {
    let digits = bytes.chunks(3).flat_map(|chunk| {
        let word = chunk
            .iter()
            .fold(0u32, |word, &byte| word << 8 | u32::from(byte));
        let word = word << (8 * (3 - chunk.len()));
        (0..4).map(move |n| {
            let digit = DIGITS[(word >> (18 - 6 * n)) as usize & 63];
            char::from(if n <= chunk.len() { digit } else { b'=' })
        })
    });
    digits.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_they_are_written() {
        assert_eq!(encode(b"light work"), "bGlnaHQgd29yaw==");
        for length in 0..KEY {
            let bytes: Vec<u8> = (0..length as u8).collect();
            assert_eq!(decode(&encode(&bytes)), Some(bytes));
        }
    }

    #[test]
    fn the_answer_repeats_the_tag_and_needs_the_suite() {
        let key = encode(&[7; KEY]);
        let offer = format!("v=0\r\na=crypto:3 AEAD_AES_128_GCM inline:{key}\r\n");
        let (_, line) = answer(&offer, 1).unwrap();
        assert!(line.starts_with("a=crypto:3 AEAD_AES_128_GCM inline:AAAAAAAAAA"));
        assert!(answer("v=0\r\n", 1).is_none());
    }
}
