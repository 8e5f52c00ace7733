//! Short calls one after another: what stays behind of each in the server's memory.

use std::error::Error;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::called::Called;
use crate::callers::Callers;
use crate::media::Media;
use crate::options::Options;
use crate::process::{cpu_seconds, resident_kib};

/// Calls at once are at most the rate times the length of one; each has two streams of these.
const STREAMS: usize = 400;
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

/// `churn --server IP:PORT --pid PID --called-port PORT --calls N [--number 2000] [--rate 60] [--hold-ms 1000]`: prints
/// the server's memory after a tenth of the calls, when all that is made once is made, and after the last.
pub fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let calls: usize = options.required("calls")?;
    let pid: u32 = options.required("pid")?;
    let rate: u32 = options.or("rate", 60)?;
    let pause = Duration::from_secs(1) / rate;
    let hold = Duration::from_millis(options.or("hold-ms", 1_000)?);
    let behind = (hold.as_secs_f64() * f64::from(rate)).ceil() as usize;
    let media = Media::start(STREAMS)?;
    let side = |call: usize, odd: usize| {
        let stream = (2 * call + odd) % STREAMS;
        (stream, media.ports[stream])
    };
    let answered = (0..calls).map(|call| side(call, 1)).collect();
    let called = Called::start(
        options.required("called-port")?,
        answered,
        media.targets(),
        false,
    )?;
    let server: SocketAddr = options.required("server")?;
    let number: String = options.or("number", "2000".into())?;
    let mut callers = Callers::new(server, &number, media.targets())?;
    let before = cpu_seconds(pid)?;
    let mut early_kib = 0;
    let mut due = Instant::now();
    for call in 0..calls + behind {
        if call < calls {
            callers.invite(side(call, 0))?;
        }
        if let Some(old) = call.checked_sub(behind) {
            callers.hang_up(old)?;
        }
        if call == calls / 10 {
            early_kib = resident_kib(pid)?;
        }
        due += pause;
        callers.serve(due, |_| false)?;
    }
    for call in 0..calls {
        callers.hang_up(call)?; // those whose answer came late
    }
    callers.serve(Instant::now() + ANSWER_TIMEOUT, |c| c.ended() == calls)?;
    let (ended, refusals) = (callers.ended(), callers.refusals());
    if ended != calls {
        let first = &refusals[..refusals.len().min(5)];
        return Err(format!(
            "{ended} of {calls} calls ended; refused: {} with {first:?}",
            refusals.len()
        )
        .into());
    }
    called.finish();
    let late_kib = resident_kib(pid)?;
    let cpu = cpu_seconds(pid)? - before;
    println!(
        "{{\"cpu_ms_a_call\": {:.2}, \"kb_after_a_tenth\": {early_kib}, \"kb_at_the_end\": {late_kib}, \
         \"kb_kept_a_call\": {:.3}}}",
        1000.0 * cpu / calls as f64,
        (late_kib as f64 - early_kib as f64) / (calls - calls / 10) as f64,
    );
    media.finish();
    Ok(())
}
