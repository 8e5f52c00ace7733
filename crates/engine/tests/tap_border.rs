//! The border of taps and sources: any order of use, and both ends at once in threads of their own.

use std::collections::VecDeque;
use std::thread;

use mediaswitch_engine::codec::Rate;
use mediaswitch_engine::id::TrackId;
use mediaswitch_engine::port::source::source;
use mediaswitch_engine::port::tap::tap;

const VOICE: TrackId = TrackId(1);
const FRAME: usize = Rate::Narrow.frame();

/// Numbers that look random and are the same each time (Marsaglia's xorshift).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }
}

/// The last sample of each frame: by then the mixer's fade is over.
fn marks(pcm: &[u8]) -> Vec<i16> {
    let last = |frame: &[u8]| i16::from_le_bytes([frame[2 * FRAME - 2], frame[2 * FRAME - 1]]);
    pcm.chunks_exact(2 * FRAME).map(last).collect()
}

#[test]
fn a_tap_used_in_any_order_gives_what_a_queue_would() {
    let mut numbers = Numbers(88_172_645_463_325_252);
    for round in 0..200 {
        let capacity = 1 + numbers.below(8);
        let (mut port, mut reader) = tap(Rate::Narrow, capacity, numbers.below(4) as u32);
        port.set_voices(&[(VOICE, 1.0)]);
        let (mut queue, mut lost) = (VecDeque::new(), 0);
        for turn in 0..500u64 {
            let frame = [(turn % 30_000) as i16; FRAME];
            if numbers.below(3) > 0 {
                let tapped = port.tick(|_| Some(&frame[..]), turn);
                assert_eq!(tapped.lost, queue.len() == capacity, "round {round}");
                if tapped.lost {
                    lost += 1;
                } else {
                    queue.push_back((turn, frame[0]));
                }
                continue;
            }
            let wanted = numbers.below(6);
            let (mut pcm, mut instants) = (Vec::new(), Vec::new());
            let count = reader.read(wanted, &mut pcm, &mut instants);
            assert_eq!(count, wanted.min(queue.len()));
            let read: Vec<_> = instants.into_iter().zip(marks(&pcm)).collect();
            assert_eq!(read, queue.drain(..count).collect::<Vec<_>>());
            assert_eq!((reader.waiting(), reader.lost()), (queue.len(), lost));
        }
    }
}

#[test]
fn a_reader_in_a_thread_of_its_own_gets_whole_frames_and_each_is_read_or_counted() {
    const TURNS: u64 = 100_000;
    let (mut port, mut reader) = tap(Rate::Narrow, 16, 0);
    port.set_voices(&[(VOICE, 1.0)]);
    let worker = thread::spawn(move || {
        for turn in 0..TURNS {
            let frame = [(turn % 30_000) as i16; FRAME];
            port.tick(|_| Some(&frame[..]), turn);
        }
    });
    let (mut read, mut newest) = (0, None);
    loop {
        let closed = reader.is_closed(); // before the read: what came until then is still taken
        let (mut pcm, mut instants) = (Vec::new(), Vec::new());
        read += reader.read(7, &mut pcm, &mut instants) as u64;
        for (at, mark) in instants.iter().copied().zip(marks(&pcm)) {
            assert!(newest < Some(at), "{newest:?} before {at}");
            assert_eq!(mark, (at % 30_000) as i16);
            newest = Some(at);
        }
        if closed && instants.is_empty() {
            break;
        }
    }
    worker.join().expect("the worker's end never panics");
    assert_eq!(read + reader.lost(), TURNS);
}

#[test]
fn what_one_thread_writes_to_a_source_another_takes_whole_and_in_order() {
    const FRAMES: usize = 20_000;
    let (mut writer, mut feed) = source(Rate::Wide, 8);
    let author = thread::spawn(move || {
        let samples: Vec<i16> = (0..FRAMES * 320).map(|n| (n % 30_011) as i16).collect();
        let (mut written, mut numbers) = (0, Numbers(2_463_534_242));
        while written < samples.len() {
            let end = samples.len().min(written + 1 + numbers.below(1_000));
            written += writer.write(&samples[written..end]);
        }
    });
    let (mut frame, mut taken) = ([0; 320], 0);
    while taken < FRAMES {
        if feed.read(&mut frame) {
            let first = taken * 320;
            assert!((0..320).all(|n| frame[n] == ((first + n) % 30_011) as i16));
            taken += 1;
        }
    }
    author.join().expect("the writer's end never panics");
    assert!(feed.is_empty());
}
