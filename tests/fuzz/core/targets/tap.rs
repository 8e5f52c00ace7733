//! A tap in any order of use gives what a plain queue would, and a source takes no more than it has room for.
#![no_main]

use std::collections::VecDeque;

use fuzz_core::Input;
use libfuzzer_sys::fuzz_target;
use mediaswitch_engine::codec::{Rate, FRAME_MS};
use mediaswitch_engine::id::TrackId;
use mediaswitch_engine::port::source::source;
use mediaswitch_engine::port::tap::tap;

const VOICE: TrackId = TrackId(1);
const FRAME: usize = Rate::Narrow.frame();

fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);
    let capacity = 1 + usize::from(input.byte() % 8);
    let (mut port, mut reader) = tap(Rate::Narrow, capacity, u32::from(input.byte() % 4));
    let (mut writer, mut feed) = source(Rate::Narrow, capacity);
    port.set_voices(&[(VOICE, 1.0)]);
    let (mut queue, mut lost, mut turn) = (VecDeque::new(), 0, 0);
    while !input.is_empty() {
        let what = input.byte();
        turn += 1;
        match what % 4 {
            0 | 1 => {
                let is_full = queue.len() == capacity;
                let tapped = port.tick(|_| Some(&[1; FRAME][..]), turn);
                assert_eq!(tapped.lost, is_full);
                if is_full {
                    lost += 1;
                } else {
                    queue.push_back(turn);
                }
            }
            2 => {
                let (mut pcm, mut instants) = (Vec::new(), Vec::new());
                let count = reader.read(usize::from(what >> 2), &mut pcm, &mut instants);
                assert_eq!(pcm.len(), 2 * FRAME * count);
                assert_eq!(instants, queue.drain(..count).collect::<Vec<_>>());
                assert_eq!((reader.waiting(), reader.lost()), (queue.len(), lost));
            }
            _ => {
                let samples = vec![7; usize::from(input.word()) % 4_000];
                assert!(writer.write(&samples) <= samples.len());
                assert!(writer.queued_ms() <= capacity * FRAME_MS);
                feed.read(&mut [0; Rate::Wide.frame()]);
            }
        }
    }
});
