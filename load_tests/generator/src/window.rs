//! The measured stretch of a run: what the process under test spends in it, and what became of its packets.

use std::error::Error;
use std::io;
use std::time::{Duration, Instant};

use crate::media::{self, Measured, Media};
use crate::net::now_ns;
use crate::process::{cpu_seconds, resident_kib};

const WARM_UP: Duration = Duration::from_secs(2);
/// Packets of the window may arrive so much after its end before they count as lost.
const LATEST: Duration = Duration::from_millis(500);

/// What the process under test spends on `n` calls (members, sessions) at once.
pub struct Window {
    pub pid: u32,
    pub n: usize,
    pub seconds: u64,
    /// Its memory before the first call.
    resident_kib: u64,
}

pub struct Spent {
    pub cpu_percent_per_call: f64,
    pub kib_per_call: f64,
}

impl Window {
    /// To be made before the calls are placed.
    pub fn new(pid: u32, n: usize, seconds: u64) -> Result<Self, Box<dyn Error>> {
        Ok(Self {
            pid,
            n,
            seconds,
            resident_kib: resident_kib(pid)?,
        })
    }

    /// Open the window for so many seconds; `wait_until` keeps the calls alive meanwhile.
    pub fn measure(
        &self,
        media: &Media,
        wait_until: impl FnMut(Instant) -> io::Result<()>,
    ) -> Result<Spent, Box<dyn Error>> {
        self.measure_in(&media.window, wait_until)
    }

    /// The same for media of another kind.
    pub fn measure_in<E: Into<Box<dyn Error>>>(
        &self,
        window: &media::Window,
        mut wait_until: impl FnMut(Instant) -> Result<(), E>,
    ) -> Result<Spent, Box<dyn Error>> {
        let mut wait_until = |until| wait_until(until).map_err(Into::into);
        wait_until(Instant::now() + WARM_UP)?;
        let start_ns = now_ns();
        window.set(start_ns, start_ns + self.seconds * 1_000_000_000);
        let before = cpu_seconds(self.pid)?;
        wait_until(Instant::now() + Duration::from_secs(self.seconds))?;
        let cpu = cpu_seconds(self.pid)? - before;
        let grown = resident_kib(self.pid)?.saturating_sub(self.resident_kib);
        wait_until(Instant::now() + LATEST)?;
        Ok(Spent {
            cpu_percent_per_call: 100.0 * cpu / self.seconds as f64 / self.n as f64,
            kib_per_call: grown as f64 / self.n as f64,
        })
    }
}

/// Print what a run showed, one JSON object.
pub fn print(spent: &Spent, mut measured: Measured) {
    println!(
        "{{\"cpu_percent_per_call\": {:.4}, \"p50_us\": {:.0}, \"p99_us\": {:.0}, \"loss\": {:.6}, \
         \"kb_per_call\": {:.1}, \"packets\": {}, \"twice\": {}, \"foreign\": {}, \"late_sends\": {}}}",
        spent.cpu_percent_per_call,
        measured.percentile_us(50.0),
        measured.percentile_us(99.0),
        measured.loss(),
        spent.kib_per_call,
        measured.received,
        measured.duplicates,
        measured.foreign,
        measured.late,
    );
}
