//! The thread that encodes programmes: beside the workers, so that no packet of theirs waits for it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};

use crossbeam_queue::ArrayQueue;

use crate::codec::Codec;
use crate::programme::Programme;

/// Programmes that wait to be encoded; who finds no room asks again with its next packet.
const MAX_WAITING: usize = 64;
/// A programme is encoded a second or two after it was asked for at the latest, or somewhat later on a busy machine.
const NICENESS: libc::c_int = 10;

/// What the thread has to do.
pub struct Packing {
    waiting: ArrayQueue<(Arc<Programme>, Codec)>,
    /// Programmes encoded so far, in all codecs.
    made: AtomicUsize,
    stopped: AtomicBool,
    thread: Mutex<Option<JoinHandle<()>>>,
    /// The thread's, once it runs; woken without a lock.
    sleeper: std::sync::OnceLock<std::thread::Thread>,
}

impl Packing {
    pub fn start() -> std::io::Result<Arc<Packing>> {
        let packing = Arc::new(Packing {
            waiting: ArrayQueue::new(MAX_WAITING),
            made: AtomicUsize::new(0),
            stopped: AtomicBool::new(false),
            thread: Mutex::new(None),
            sleeper: std::sync::OnceLock::new(),
        });
        let ours = packing.clone();
        let thread = Builder::new()
            .name("prompts".into())
            .spawn(move || ours.run())?;
        let _ = packing.sleeper.set(thread.thread().clone()); // set once, here
        *packing
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(thread);
        Ok(packing)
    }

    /// False if there is no room; neither locks, waits nor allocates.
    pub fn ask(&self, programme: Arc<Programme>, codec: Codec) -> bool {
        let has_room = self.waiting.push((programme, codec)).is_ok();
        if let Some(thread) = self.sleeper.get() {
            thread.unpark();
        }
        has_room
    }

    pub fn made(&self) -> usize {
        self.made.load(Ordering::Relaxed)
    }

    fn run(&self) {
        // SAFETY: sets this thread's own niceness; no pointer is passed.
        unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, NICENESS) };
        while !self.stopped.load(Ordering::Acquire) {
            match self.waiting.pop() {
                Some((programme, codec)) => {
                    programme.pack(codec);
                    self.made.fetch_add(1, Ordering::Relaxed);
                }
                None => std::thread::park(),
            }
        }
        while self.waiting.pop().is_some() {} // they hold us
    }

    /// Encode no more.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::prompt::tone;

    #[test]
    fn what_a_player_asks_for_is_encoded_beside_it() {
        let packing = Packing::start().unwrap();
        let items = vec![Arc::new(tone(&[440.0], 1_000, -10.0))];
        let programme = Arc::new(Programme::new(items, Some(packing.clone())));
        let deadline = Instant::now() + Duration::from_secs(30);
        while programme.packet(Codec::Opus, 0, false).is_none() {
            assert!(Instant::now() < deadline, "nobody encodes it");
            std::thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(packing.made(), 1, "asked for once");
        packing.stop();
        packing.stop();
    }
}
