//! What a G.711 packet of 20 ms costs: `cargo bench -p srtp`.

use std::hint::black_box;
use std::time::Instant;

use srtp::{MasterKey, Profile, Receiver, Sender, MAX_OVERHEAD};

const PACKETS: u32 = 400_000;
const LENGTH: usize = 172;

fn main() {
    for profile in Profile::ALL {
        let bytes = vec![7; profile.key_length() + profile.salt_length()];
        let key = MasterKey::new(profile, &bytes).expect("a key of the right length");
        let mut sender = Sender::new(&key).expect("a sender");
        let mut receiver = Receiver::new(&key).expect("a receiver");
        let mut secured = Vec::with_capacity(PACKETS as usize);
        let began = Instant::now();
        for n in 0..PACKETS {
            let mut packet = [0; LENGTH + MAX_OVERHEAD];
            packet[0] = 0x80;
            packet[2..4].copy_from_slice(&(n as u16).to_be_bytes());
            let length = sender
                .protect_rtp(&mut packet, LENGTH)
                .expect("it is protected");
            secured.push((packet, length));
        }
        let protect = began.elapsed().as_nanos() as f64 / f64::from(PACKETS);
        let began = Instant::now();
        for (packet, length) in &mut secured {
            let opened = receiver.unprotect_rtp(&mut packet[..*length]);
            black_box(opened.expect("it is unprotected"));
        }
        let unprotect = began.elapsed().as_nanos() as f64 / f64::from(PACKETS);
        println!(
            "{:24} protect {protect:.0} ns, unprotect {unprotect:.0} ns",
            profile.name()
        );
    }
}
