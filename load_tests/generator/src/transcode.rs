//! Calls whose two sides share no codec: a caller on G.711 is bridged to a called party that answers with another.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::called::Called;
use crate::callers::Callers;
use crate::options::Options;
use crate::sip;
use crate::voices::{Voice, Voices};
use crate::window::Window;

const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

/// `transcode --server IP:PORT --pid PID --called-port PORT --calls N --caller VOICE --called VOICE --rtpmap MAP
/// [--number 2000] [--seconds 20] [--rate 20]`: the called side answers with MAP alone, such as `G722/8000`.
pub fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let calls: usize = options.required("calls")?;
    let seconds = options.or("seconds", 20)?;
    let pause = Duration::from_secs(1) / options.or("rate", 20)?;
    let window = Window::new(options.required("pid")?, calls, seconds)?;
    let voice = |name| Voice::read(&options.required::<String>(name)?);
    let (caller, called) = (voice("caller")?, voice("called")?);
    let payload_type = called.payload_type;
    let pairs = (0..calls).flat_map(|_| [Arc::clone(&caller), Arc::clone(&called)]);
    let voices = Voices::start(pairs.collect())?;
    // Caller k is stream 2k, whoever is called k-th is stream 2k+1.
    let sides = |odd: usize| {
        (odd..2 * calls)
            .step_by(2)
            .map(|i| (i, voices.ports[i]))
            .collect::<Vec<_>>()
    };
    let rtpmap: String = options.required("rtpmap")?;
    let answer = move |port| sip::sdp_of(port, payload_type, &rtpmap);
    let called = Called::answering(
        options.required("called-port")?,
        sides(1),
        voices.targets(),
        Box::new(answer),
    )?;
    let server: SocketAddr = options.required("server")?;
    let number: String = options.or("number", "2000".into())?;
    let mut callers = Callers::new(server, &number, voices.targets())?;
    for side in sides(0) {
        callers.invite(side)?;
        callers.serve(Instant::now() + pause, |_| false)?;
    }
    callers.serve(Instant::now() + ANSWER_TIMEOUT, |c| c.answered() == calls)?;
    if callers.answered() != calls {
        return Err(format!("{} of {calls} calls answered", callers.answered()).into());
    }
    let spent = window.measure_in(&voices.window, |until| callers.serve(until, |_| false))?;
    let counted = voices.finish();
    for index in 0..calls {
        callers.hang_up(index)?;
        callers.serve(Instant::now() + Duration::from_millis(5), |_| false)?;
    }
    callers.serve(Instant::now() + ANSWER_TIMEOUT, |c| c.ended() == calls)?;
    called.finish();
    counted.print(&spent, seconds)
}
