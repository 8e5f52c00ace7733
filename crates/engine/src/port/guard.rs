//! SRTP on an RTP port: what signalling agreed on, and the contexts that carry it out.

use crate::near;
use srtp::{BadKey, MasterKey, Receiver, Refused, Sender};

/// The master keys of both directions. Their `Debug` shows none of them.
#[derive(Clone, Debug, PartialEq)]
pub struct SrtpKeys {
    pub send: MasterKey,
    pub receive: MasterKey,
}

impl From<dtls::Keys> for SrtpKeys {
    fn from(keys: dtls::Keys) -> SrtpKeys {
        SrtpKeys {
            send: keys.send,
            receive: keys.receive,
        }
    }
}

/// Protects and unprotects for one port. Without keys it lets nothing through, in either direction.
pub struct Guard {
    keys: Option<SrtpKeys>,
    sender: Option<Sender>,
    receiver: Option<Receiver>,
    /// Under the key before this one, whose last packets may still be on their way.
    previous: Option<Receiver>,
}

impl Guard {
    fn new(keys: &SrtpKeys) -> Result<Guard, BadKey> {
        Ok(Guard {
            sender: Some(Sender::new(&keys.send)?),
            receiver: Some(Receiver::new(&keys.receive)?),
            keys: Some(keys.clone()),
            previous: None,
        })
    }

    /// Keys are still to come.
    pub fn shut() -> Guard {
        Guard {
            keys: None,
            sender: None,
            receiver: None,
            previous: None,
        }
    }

    /// Ask for the memory by which a received packet finds its keys.
    pub fn fetch_for_receiving(&self) {
        near::fetch(&self.receiver, 0, size_of::<Option<Receiver>>());
    }

    /// The same for a sent packet.
    pub fn fetch_for_sending(&self) {
        near::fetch(&self.sender, 0, size_of::<Option<Sender>>());
    }

    /// Then, which packets there were.
    pub fn touch_received(&self) {
        self.receiver.as_ref().inspect(|receiver| receiver.touch());
    }

    pub fn touch_sent(&self) {
        self.sender.as_ref().inspect(|sender| sender.touch());
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
        let known = guard.keys.as_ref();
        let keeps_sender = known.is_some_and(|known| known.send == keys.send);
        let keeps_receiver = known.is_some_and(|known| known.receive == keys.receive);
        if !keeps_sender {
            guard.sender = Some(Sender::new(&keys.send)?);
        }
        if !keeps_receiver {
            guard.previous = guard.receiver.replace(Receiver::new(&keys.receive)?);
        }
        guard.keys = Some(keys.clone());
        Ok(Some(guard))
    }

    /// Protect the RTP packet `buffer[..length]` in place; returns its new length, None if it must not be sent.
    pub fn protect_rtp(&mut self, buffer: &mut [u8], length: usize) -> Option<usize> {
        self.sender.as_mut()?.protect_rtp(buffer, length).ok()
    }

    /// Protect the RTCP packet `buffer[..length]` in place; returns its new length, None if it must not be sent.
    pub fn protect_rtcp(&mut self, buffer: &mut [u8], length: usize) -> Option<usize> {
        self.sender.as_mut()?.protect_rtcp(buffer, length).ok()
    }

    /// Unprotect a datagram into `clear`; None for one that the peer's key did not protect, or that came before.
    pub fn unprotect<'a>(
        &mut self,
        datagram: &[u8],
        is_rtcp: bool,
        clear: &'a mut [u8],
    ) -> Option<&'a [u8]> {
        let receiver = self.receiver.as_mut()?;
        let clear = clear.get_mut(..datagram.len())?;
        clear.copy_from_slice(datagram);
        let mut result = open(receiver, is_rtcp, clear);
        match (&result, &mut self.previous) {
            (Ok(_), _) => self.previous = None,
            (Err(_), Some(previous)) => {
                clear.copy_from_slice(datagram);
                result = open(previous, is_rtcp, clear);
            }
            (Err(_), None) => {}
        }
        result.ok().map(|length| &clear[..length])
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
        guard.unprotect(datagram, false, &mut [0; 64]).is_some()
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
    fn without_keys_nothing_passes() {
        let mut theirs = Guard::adopt(None, Some(&keys(2, 1))).unwrap().unwrap();
        let mut shut = Guard::shut();
        assert!(!heard(&mut shut, &sent(&mut theirs, 1)));
        assert!(!heard(&mut shut, &packet(1)[..20]));
        assert_eq!(shut.protect_rtp(&mut packet(1), 20), None);
        let opened = Guard::adopt(Some(Box::new(shut)), Some(&keys(1, 2)));
        assert!(heard(&mut opened.unwrap().unwrap(), &sent(&mut theirs, 2)));
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
