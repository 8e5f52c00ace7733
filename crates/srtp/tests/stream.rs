//! Streams as networks carry them: with loss, reordering, repeats, damage and the wrap of the sequence number.

use srtp::{MasterKey, Profile, Receiver, Refused, Sender, MAX_OVERHEAD};

/// xorshift64*: the same numbers in each run.
struct Random(u64);

impl Random {
    fn draw(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % below
    }
}

fn key(profile: Profile, byte: u8) -> MasterKey {
    let bytes = vec![byte; profile.key_length() + profile.salt_length()];
    MasterKey::new(profile, &bytes).unwrap()
}

fn ends(profile: Profile) -> (Sender, Receiver) {
    let key = key(profile, 7);
    (Sender::new(&key).unwrap(), Receiver::new(&key).unwrap())
}

fn rtp(ssrc: u32, sequence: u16, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x80, 0];
    packet.extend(sequence.to_be_bytes());
    packet.extend((u32::from(sequence) * 160).to_be_bytes());
    packet.extend(ssrc.to_be_bytes());
    packet.extend(payload);
    packet
}

fn report(ssrc: u32) -> Vec<u8> {
    let mut packet = vec![0x80, 200, 0, 6];
    packet.extend(ssrc.to_be_bytes());
    packet.extend([9; 20]);
    packet
}

fn protect(sender: &mut Sender, packet: &[u8]) -> Vec<u8> {
    let mut buffer = packet.to_vec();
    buffer.resize(packet.len() + MAX_OVERHEAD, 0);
    let length = sender.protect_rtp(&mut buffer, packet.len()).unwrap();
    buffer.truncate(length);
    buffer
}

fn protect_rtcp(sender: &mut Sender, packet: &[u8]) -> Vec<u8> {
    let mut buffer = packet.to_vec();
    buffer.resize(packet.len() + MAX_OVERHEAD, 0);
    let length = sender.protect_rtcp(&mut buffer, packet.len()).unwrap();
    buffer.truncate(length);
    buffer
}

fn unprotect(receiver: &mut Receiver, packet: &[u8]) -> Result<Vec<u8>, Refused> {
    let mut buffer = packet.to_vec();
    let length = receiver.unprotect_rtp(&mut buffer)?;
    buffer.truncate(length);
    Ok(buffer)
}

fn unprotect_rtcp(receiver: &mut Receiver, packet: &[u8]) -> Result<Vec<u8>, Refused> {
    let mut buffer = packet.to_vec();
    let length = receiver.unprotect_rtcp(&mut buffer)?;
    buffer.truncate(length);
    Ok(buffer)
}

#[test]
fn a_long_stream_comes_through_loss_reordering_and_wraps_each_packet_once() {
    for profile in Profile::ALL {
        let (mut sender, mut receiver) = ends(profile);
        let mut random = Random(0x5EED + profile.key_length() as u64);
        let mut network: Vec<(u64, Vec<u8>, Vec<u8>)> = Vec::new();
        let mut arrived = 0;
        for n in 0..150_000u64 {
            let length = random.draw(200) as usize;
            let plain = rtp(0xCAFE, (60_000 + n) as u16, &vec![n as u8; length]);
            let secured = protect(&mut sender, &plain);
            assert!(length < 16 || secured[12..12 + length] != plain[12..]);
            if random.draw(20) > 0 {
                network.push((n + random.draw(8), plain, secured));
            }
            while let Some(due) = network.iter().position(|(at, ..)| *at <= n) {
                let (_, plain, secured) = network.remove(due);
                assert_eq!(
                    unprotect(&mut receiver, &secured),
                    Ok(plain),
                    "{profile:?} {n}"
                );
                arrived += 1;
                if random.draw(50) == 0 {
                    assert_eq!(unprotect(&mut receiver, &secured), Err(Refused::Replayed));
                }
            }
        }
        assert!(arrived > 140_000, "{arrived}");
    }
}

#[test]
fn ssrcs_keep_their_own_counters_under_one_key() {
    for profile in Profile::ALL {
        let (mut sender, mut receiver) = ends(profile);
        for n in 0..70_000u32 {
            for ssrc in [1, 2] {
                let plain = rtp(ssrc, (n + ssrc * 30_000) as u16, b"voice");
                let secured = protect(&mut sender, &plain);
                assert_eq!(unprotect(&mut receiver, &secured), Ok(plain));
            }
        }
    }
}

#[test]
fn a_receiver_that_missed_all_before_the_first_wrap_still_hears() {
    for profile in Profile::ALL {
        let (mut sender, mut receiver) = ends(profile);
        for sequence in 65_530..=65_535 {
            protect(&mut sender, &rtp(5, sequence, b"lost"));
        }
        for sequence in 0..3 {
            let plain = rtp(5, sequence, b"heard");
            let secured = protect(&mut sender, &plain);
            assert_eq!(unprotect(&mut receiver, &secured), Ok(plain));
        }
    }
}

#[test]
fn a_changed_bit_anywhere_is_refused_and_the_true_packet_is_still_taken() {
    for profile in Profile::ALL {
        let (mut sender, mut receiver) = ends(profile);
        let first = rtp(5, 100, b"known");
        let secured = protect(&mut sender, &first);
        unprotect(&mut receiver, &secured).unwrap();
        let plain = rtp(5, 101, b"sixteen bytes and more of voice");
        let secured = protect(&mut sender, &plain);
        for bit in 0..secured.len() * 8 {
            let mut changed = secured.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(unprotect(&mut receiver, &changed).is_err(), "bit {bit}");
        }
        for end in 0..secured.len() {
            assert!(unprotect(&mut receiver, &secured[..end]).is_err());
        }
        assert_eq!(unprotect(&mut receiver, &secured), Ok(plain));
    }
}

#[test]
fn a_packet_under_another_key_or_profile_is_refused() {
    for profile in Profile::ALL {
        let secured = protect(
            &mut Sender::new(&key(profile, 1)).unwrap(),
            &rtp(1, 1, b"voice"),
        );
        for other in Profile::ALL {
            let mut receiver = Receiver::new(&key(other, 2)).unwrap();
            assert!(unprotect(&mut receiver, &secured).is_err());
        }
    }
}

#[test]
fn the_extension_and_contributing_sources_stay_readable_and_are_authenticated() {
    for profile in Profile::ALL {
        let (mut sender, mut receiver) = ends(profile);
        let mut plain = rtp(5, 1, b"");
        plain[0] |= 0x12; // an extension, two contributing sources
        plain.extend([1, 2, 3, 4, 5, 6, 7, 8]);
        plain.extend([0xBE, 0xDE, 0, 1, 0x10, 0xAA, 0, 0]);
        let header = plain.len();
        plain.extend(b"a voice that is hidden");
        let secured = protect(&mut sender, &plain);
        assert_eq!(secured[..header], plain[..header]);
        let mut changed = secured.clone();
        changed[header - 3] ^= 1;
        assert_eq!(unprotect(&mut receiver, &changed), Err(Refused::Forged));
        assert_eq!(unprotect(&mut receiver, &secured), Ok(plain));
    }
}

#[test]
fn reports_come_through_once_and_damaged_ones_never() {
    for profile in Profile::ALL {
        let (mut sender, mut receiver) = ends(profile);
        for ssrc in [1, 2, 1, 1] {
            let plain = report(ssrc);
            let secured = protect_rtcp(&mut sender, &plain);
            assert_ne!(secured[8..28], plain[8..]);
            for bit in 0..secured.len() * 8 {
                let mut changed = secured.clone();
                changed[bit / 8] ^= 1 << (bit % 8);
                assert!(
                    unprotect_rtcp(&mut receiver, &changed).is_err(),
                    "bit {bit}"
                );
            }
            assert_eq!(unprotect_rtcp(&mut receiver, &secured), Ok(plain));
            assert_eq!(
                unprotect_rtcp(&mut receiver, &secured),
                Err(Refused::Replayed)
            );
        }
    }
}

#[test]
fn a_sequence_number_is_never_protected_twice() {
    for profile in Profile::ALL {
        let (mut sender, _) = ends(profile);
        protect(&mut sender, &rtp(1, 9, b"one"));
        let again = rtp(1, 9, b"two");
        let mut buffer = [again.as_slice(), &[0; MAX_OVERHEAD]].concat();
        let refused = sender.protect_rtp(&mut buffer, again.len());
        assert_eq!(refused, Err(Refused::Replayed));
    }
}

#[test]
fn a_sender_never_forgets_an_ssrc_but_a_receiver_follows_any_number_of_them() {
    for profile in Profile::ALL {
        let mut receiver = Receiver::new(&key(profile, 7)).unwrap();
        for ssrc in 0..200 {
            let (mut sender, _) = ends(profile); // the peer began anew each time
            let plain = rtp(ssrc, 40_000, b"voice");
            assert_eq!(
                unprotect(&mut receiver, &protect(&mut sender, &plain)),
                Ok(plain)
            );
        }
        let (mut sender, _) = ends(profile);
        (0..16).for_each(|ssrc| drop(protect(&mut sender, &rtp(ssrc, 1, b""))));
        let mut buffer = [rtp(16, 1, b"").as_slice(), &[0; MAX_OVERHEAD]].concat();
        assert_eq!(sender.protect_rtp(&mut buffer, 12), Err(Refused::Exhausted));
    }
}

#[test]
fn noise_and_torn_packets_are_refused_without_harm() {
    let mut random = Random(42);
    for profile in Profile::ALL {
        let (mut sender, mut receiver) = ends(profile);
        for _ in 0..50_000 {
            let mut noise: Vec<u8> = (0..random.draw(64))
                .map(|_| random.draw(256) as u8)
                .collect();
            if let (Some(first), true) = (noise.first_mut(), random.draw(4) > 0) {
                *first = 0x80 | (*first & 0x3F); // mostly the right version: the rest gets its turn
            }
            assert!(receiver.unprotect_rtp(&mut noise.clone()).is_err());
            assert!(receiver.unprotect_rtcp(&mut noise.clone()).is_err());
            let length = noise.len();
            let _ = sender.protect_rtp(&mut noise.clone(), length); // no room: refused or not RTP
            let _ = sender.protect_rtcp(&mut noise, length);
        }
        assert_eq!(sender.protect_rtp(&mut [], 5), Err(Refused::NoRoom));
        let plain = rtp(5, 1, b"voice");
        let secured = protect(&mut Sender::new(&key(profile, 7)).unwrap(), &plain);
        assert_eq!(unprotect(&mut receiver, &secured), Ok(plain));
    }
}
