//! SRTP on an RTP port: what signalling agreed on, and the contexts that carry it out.

use srtp::{BadKey, MasterKey, Receiver, Refused, Sender};

/// The master keys of both directions. Their `Debug` shows none of them.
#[derive(Clone, Debug, PartialEq)]
pub struct SrtpKeys {
    pub send: MasterKey,
    pub receive: MasterKey,
}

/// Protects and unprotects for one port.
pub(super) struct Guard {
    keys: SrtpKeys,
    sender: Sender,
    receiver: Receiver,
    /// Under the key before this one, whose last packets may still be on their way.
    previous: Option<Receiver>,
}

impl Guard {
    fn new(keys: &SrtpKeys) -> Result<Guard, BadKey> {
        Ok(Guard {
            sender: Sender::new(&keys.send)?,
            receiver: Receiver::new(&keys.receive)?,
            keys: keys.clone(),
            previous: None,
        })
    }

    /// What guards a port from now on. A direction whose key is as before keeps its roll-over counters.
    pub fn adopt(
        guard: Option<Box<Guard>>,
        keys: Option<&SrtpKeys>,
    ) -> Result<Option<Box<Guard>>, BadKey> {
        let Some(keys) = keys else { return Ok(None) };
        let Some(mut guard) = guard else {
            return Ok(Some(Box::new(Guard::new(keys)?)));
        };
        if guard.keys.send != keys.send {
            guard.sender = Sender::new(&keys.send)?;
        }
        if guard.keys.receive != keys.receive {
            let receiver = Receiver::new(&keys.receive)?;
            guard.previous = Some(std::mem::replace(&mut guard.receiver, receiver));
        }
        guard.keys = keys.clone();
        Ok(Some(guard))
    }

    /// Protect the RTP packet `buffer[..length]` in place; returns its new length.
    pub fn protect_rtp(&mut self, buffer: &mut [u8], length: usize) -> Result<usize, Refused> {
        self.sender.protect_rtp(buffer, length)
    }

    /// Protect the RTCP packet `buffer[..length]` in place; returns its new length.
    pub fn protect_rtcp(&mut self, buffer: &mut [u8], length: usize) -> Result<usize, Refused> {
        self.sender.protect_rtcp(buffer, length)
    }

    /// Unprotect a datagram into `clear`.
    pub fn unprotect<'a>(
        &mut self,
        datagram: &[u8],
        is_rtcp: bool,
        clear: &'a mut [u8],
    ) -> Result<&'a [u8], Refused> {
        let clear = clear.get_mut(..datagram.len()).ok_or(Refused::NoRoom)?;
        clear.copy_from_slice(datagram);
        let mut result = open(&mut self.receiver, is_rtcp, clear);
        match (&result, &mut self.previous) {
            (Ok(_), _) => self.previous = None,
            (Err(_), Some(previous)) => {
                clear.copy_from_slice(datagram);
                result = open(previous, is_rtcp, clear);
            }
            (Err(_), None) => {}
        }
        result.map(|length| &clear[..length])
    }
}

fn open(receiver: &mut Receiver, is_rtcp: bool, packet: &mut [u8]) -> Result<usize, Refused> {
    if is_rtcp {
        receiver.unprotect_rtcp(packet)
    } else {
        receiver.unprotect_rtp(packet)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use srtp::Profile;

    fn keys(send: u8, receive: u8) -> SrtpKeys {
        let key = |byte| MasterKey::new(Profile::AeadAes128Gcm, &[byte; 28]).unwrap();
        SrtpKeys {
            send: key(send),
            receive: key(receive),
        }
    }

    fn packet(sequence: u16) -> [u8; 64] {
        let mut packet = [0; 64];
        packet[0] = 0x80;
        packet[2..4].copy_from_slice(&sequence.to_be_bytes());
        packet
    }

    /// Twenty bytes of RTP under the guard's key.
    fn sent(guard: &mut Guard, sequence: u16) -> Vec<u8> {
        let mut packet = packet(sequence);
        let length = guard.protect_rtp(&mut packet, 20).unwrap();
        packet[..length].to_vec()
    }

    fn heard(guard: &mut Guard, datagram: &[u8]) -> bool {
        guard.unprotect(datagram, false, &mut [0; 64]).is_ok()
    }

    #[test]
    fn the_same_keys_again_keep_the_roll_over_counters() {
        let mut ours = Guard::adopt(None, Some(&keys(1, 2))).unwrap().unwrap();
        let mut theirs = Guard::adopt(None, Some(&keys(2, 1))).unwrap().unwrap();
        for sequence in 65_500..=65_535 {
            assert!(heard(&mut ours, &sent(&mut theirs, sequence)));
        }
        assert!(heard(&mut ours, &sent(&mut theirs, 3)));
        let mut ours = Guard::adopt(Some(ours), Some(&keys(1, 2)))
            .unwrap()
            .unwrap();
        assert!(heard(&mut ours, &sent(&mut theirs, 4)));
        assert!(!heard(&mut ours, &packet(5)[..20]), "plain RTP");
    }

    #[test]
    fn packets_under_the_former_key_are_heard_until_one_comes_under_the_new() {
        let mut ours = Guard::adopt(None, Some(&keys(1, 2))).unwrap().unwrap();
        let mut before = Guard::adopt(None, Some(&keys(2, 1))).unwrap().unwrap();
        let mut after = Guard::adopt(None, Some(&keys(3, 1))).unwrap().unwrap();
        assert!(heard(&mut ours, &sent(&mut before, 1)));
        let mut ours = Guard::adopt(Some(ours), Some(&keys(1, 3)))
            .unwrap()
            .unwrap();
        assert!(heard(&mut ours, &sent(&mut before, 2)));
        assert!(heard(&mut ours, &sent(&mut after, 3)));
        assert!(!heard(&mut ours, &sent(&mut before, 4)));
    }
}
