//! SRTP and SRTCP: nothing of a stranger's is taken, and nothing authentic is lost to what strangers send in between.
#![no_main]

use fuzz_core::Input;
use libfuzzer_sys::fuzz_target;
use srtp::{MasterKey, Profile, Receiver, Sender};

fn key(profile: Profile) -> MasterKey {
    let length = profile.key_length() + profile.salt_length();
    MasterKey::new(profile, &vec![1; length]).expect("a key of the right length")
}

fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);
    let profile = Profile::ALL[usize::from(input.byte() % 4)];
    let mut receiver = Receiver::new(&key(profile)).expect("a good key");
    let mut sender = Sender::new(&key(profile)).expect("a good key");
    let mut sequence = input.word();
    while !input.is_empty() {
        let (what, bytes) = (input.byte(), input.bytes(1_500));
        assert!(receiver.unprotect_rtp(&mut bytes.to_vec()).is_err());
        assert!(receiver.unprotect_rtcp(&mut bytes.to_vec()).is_err());
        sequence = sequence.wrapping_add(1);
        let [high, low] = sequence.to_be_bytes();
        let plain = [0x80, 0, high, low, 0, 0, 0, 1, 0, 0, 0, 7, what];
        let mut packet = [0; 64];
        packet[..plain.len()].copy_from_slice(&plain);
        let length = sender
            .protect_rtp(&mut packet, plain.len())
            .expect("there is room");
        let opened = receiver
            .unprotect_rtp(&mut packet[..length])
            .expect("it is authentic");
        assert_eq!(&packet[..opened], &plain);
    }
});
