//! Load for the switch: real SIP calls with real RTP through it, and a bare UDP forwarder beside it as the floor.
//!
//!     load-generator relay --server 127.0.0.1:5060 --pid PID --number 2000 --called-port 6060 --calls 50
//!
//! prints one JSON object. The number must be bridged to `sip:bench@127.0.0.1:CALLED-PORT`.

mod called;
mod callers;
mod floor;
mod media;
mod net;
mod process;
mod sip;

use std::collections::HashMap;
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use called::Called;
use callers::Callers;
use floor::Forwarder;
use media::{Measured, Media};
use net::now_ns;
use process::cpu_seconds;

const WARM_UP: Duration = Duration::from_secs(2);
/// Packets of the window may arrive so much after its end before they count as lost.
const LATEST: Duration = Duration::from_millis(500);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

struct Options {
    server: SocketAddr,
    pid: u32,
    number: String,
    called_port: u16,
    calls: usize,
    seconds: u64,
    calls_a_second: u32,
}

impl Options {
    fn parse(words: &[String]) -> Result<Self, Box<dyn Error>> {
        let given: HashMap<&str, &str> = words
            .chunks_exact(2)
            .map(|pair| (pair[0].trim_start_matches("--"), pair[1].as_str()))
            .collect();
        let required = |name: &str| {
            given
                .get(name)
                .copied()
                .ok_or_else(|| format!("missing --{name}"))
        };
        Ok(Self {
            server: required("server")?.parse()?,
            pid: required("pid")?.parse()?,
            number: given.get("number").unwrap_or(&"2000").to_string(),
            called_port: required("called-port")?.parse()?,
            calls: required("calls")?.parse()?,
            seconds: given.get("seconds").unwrap_or(&"20").parse()?,
            calls_a_second: given.get("rate").unwrap_or(&"20").parse()?,
        })
    }
}

/// One side of a row: the switch or the floor.
struct Outcome {
    measured: Measured,
    cpu_percent_per_call: f64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.first().map(String::as_str) {
        Some("relay") => relay(&Options::parse(&words[1..])?),
        Some("forward") => Ok(floor::forward(
            words.get(1).ok_or("missing number of sockets")?.parse()?,
        )?),
        _ => Err(
            "usage: load-generator relay --server IP:PORT --pid PID --called-port PORT --calls N"
                .into(),
        ),
    }
}

fn relay(options: &Options) -> Result<(), Box<dyn Error>> {
    let mut switch = through_switch(options)?;
    let mut floor = through_forwarder(options)?;
    println!(
        "{{\"case\": \"relay\", \"n\": {}, \"cpu_percent_per_call\": {:.4}, \"floor_cpu_percent_per_call\": {:.4}, \
         \"ratio\": {:.2}, \"p50_us\": {:.0}, \"p99_us\": {:.0}, \"loss\": {:.6}}}",
        options.calls,
        switch.cpu_percent_per_call,
        floor.cpu_percent_per_call,
        switch.cpu_percent_per_call / floor.cpu_percent_per_call,
        switch.measured.percentile_us(50.0),
        switch.measured.percentile_us(99.0),
        switch.measured.loss(),
    );
    eprintln!(
        "  floor: p50 {:.0} us, p99 {:.0} us, loss {:.6}; switch: {} packets, {} twice, {} not relayed as sent",
        floor.measured.percentile_us(50.0),
        floor.measured.percentile_us(99.0),
        floor.measured.loss(),
        switch.measured.received,
        switch.measured.duplicates,
        switch.measured.foreign,
    );
    Ok(())
}

/// Caller k is stream 2k, whoever is called k-th is stream 2k+1.
fn through_switch(options: &Options) -> Result<Outcome, Box<dyn Error>> {
    let media = Media::start(2 * options.calls)?;
    let sides = |odd: usize| {
        (odd..2 * options.calls)
            .step_by(2)
            .map(|i| (i, media.ports[i]))
            .collect::<Vec<_>>()
    };
    let called = Called::start(options.called_port, sides(1), media.targets())?;
    let mut callers = Callers::new(options.server, &options.number, media.targets())?;
    for side in sides(0) {
        callers.invite(side)?;
        callers.serve(
            Instant::now() + Duration::from_secs(1) / options.calls_a_second,
            |_| false,
        )?;
    }
    let calls = options.calls;
    callers.serve(Instant::now() + ANSWER_TIMEOUT, |c| c.answered() == calls)?;
    if callers.answered() != calls {
        return Err(format!(
            "{} of {calls} calls answered; refused with {:?}",
            callers.answered(),
            callers.refusals()
        )
        .into());
    }
    let cpu_percent_per_call = measure(&media, options, options.pid, |until| {
        callers.serve(until, |_| false)
    })?;
    for index in 0..calls {
        callers.hang_up(index)?;
        callers.serve(Instant::now() + Duration::from_millis(5), |_| false)?;
    }
    callers.serve(Instant::now() + ANSWER_TIMEOUT, |c| c.ended() == calls)?;
    if callers.ended() != calls {
        return Err(format!("{} of {calls} calls ended", callers.ended()).into());
    }
    called.finish();
    Ok(Outcome {
        measured: media.finish(),
        cpu_percent_per_call,
    })
}

fn through_forwarder(options: &Options) -> Result<Outcome, Box<dyn Error>> {
    let media = Media::start(2 * options.calls)?;
    let forwarder = Forwarder::start(&media.ports)?;
    for (stream, port) in forwarder.ports.iter().enumerate() {
        media
            .targets()
            .send((stream, SocketAddr::from(([127, 0, 0, 1], *port))))?;
    }
    let cpu_percent_per_call = measure(&media, options, forwarder.id(), |until| {
        thread::sleep(until.saturating_duration_since(Instant::now()));
        Ok(())
    })?;
    Ok(Outcome {
        measured: media.finish(),
        cpu_percent_per_call,
    })
}

/// Open the window for so many seconds and return the CPU that the process spent in it, in percent of a core a call.
fn measure(
    media: &Media,
    options: &Options,
    pid: u32,
    mut wait_until: impl FnMut(Instant) -> io::Result<()>,
) -> Result<f64, Box<dyn Error>> {
    wait_until(Instant::now() + WARM_UP)?;
    let start_ns = now_ns();
    media
        .window
        .set(start_ns, start_ns + options.seconds * 1_000_000_000);
    let before = cpu_seconds(pid)?;
    wait_until(Instant::now() + Duration::from_secs(options.seconds))?;
    let spent = cpu_seconds(pid)? - before;
    wait_until(Instant::now() + LATEST)?;
    Ok(100.0 * spent / options.seconds as f64 / options.calls as f64)
}
