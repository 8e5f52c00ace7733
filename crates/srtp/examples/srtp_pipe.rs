//! Our end of SRTP for a foreign stack to talk to, on stdin and stdout: tests/interop/test_srtp_stack.py.
//!
//! `srtp_pipe PROFILE HEX_OF_KEY_AND_SALT`. Each request is an operation (`p` and `u` for RTP, `P` and `U` for RTCP),
//! two bytes of length and a packet; each reply two bytes of length and a packet, or 65535 for one that was refused.

use std::io::{self, BufReader, BufWriter, Read, Write};

use srtp::{MasterKey, Profile, Receiver, Sender, MAX_OVERHEAD};

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, profile, key] = arguments.as_slice() else {
        return Err(io::Error::other("usage: srtp_pipe PROFILE HEX"));
    };
    let profile = Profile::from_name(profile).ok_or_else(|| io::Error::other("unknown profile"))?;
    let key = MasterKey::new(profile, &hex(key)?).map_err(io::Error::other)?;
    let mut sender = Sender::new(&key).map_err(io::Error::other)?;
    let mut receiver = Receiver::new(&key).map_err(io::Error::other)?;
    let (mut input, mut output) = (
        BufReader::new(io::stdin().lock()),
        BufWriter::new(io::stdout().lock()),
    );
    let mut head = [0; 3];
    while input.read_exact(&mut head).is_ok() {
        let length = usize::from(u16::from_be_bytes([head[1], head[2]]));
        let mut packet = vec![0; length + MAX_OVERHEAD];
        input.read_exact(&mut packet[..length])?;
        let result = match head[0] {
            b'p' => sender.protect_rtp(&mut packet, length),
            b'P' => sender.protect_rtcp(&mut packet, length),
            b'u' => receiver.unprotect_rtp(&mut packet[..length]),
            b'U' => receiver.unprotect_rtcp(&mut packet[..length]),
            _ => return Err(io::Error::other("unknown operation")),
        };
        match result {
            Ok(length) => {
                output.write_all(&(length as u16).to_be_bytes())?;
                output.write_all(&packet[..length])?;
            }
            Err(_) => output.write_all(&u16::MAX.to_be_bytes())?,
        }
    }
    output.flush()
}

fn hex(text: &str) -> io::Result<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|digit| digit.to_digit(16).map(|digit| digit as u8))
        .collect();
    let digits = digits.ok_or_else(|| io::Error::other("not hexadecimal"))?;
    Ok(digits
        .chunks_exact(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect())
}
