//! Any text as a browser's offer: an answer or a refusal.
#![no_main]

use std::sync::OnceLock;
use std::time::Instant;

use libfuzzer_sys::fuzz_target;
use webrtc::{Identity, Leg, LegConfig};

fn identity() -> Identity {
    static IDENTITY: OnceLock<Identity> = OnceLock::new();
    IDENTITY
        .get_or_init(|| Identity::generate().expect("a certificate"))
        .clone()
}

fuzz_target!(|data: &[u8]| {
    let Ok(offer) = std::str::from_utf8(data) else {
        return;
    };
    let config = LegConfig::new(identity(), vec![([192, 0, 2, 1], 10_000).into()]);
    let now = Instant::now();
    if let Ok((mut leg, _)) = Leg::accept(offer, config, now) {
        let _ = leg.reoffer(offer);
    }
});
