//! Calls through the switch: the caller's side and the called side of each, G.711 both ways.

use std::error::Error;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::called::Called;
use crate::callers::Callers;
use crate::media::Media;
use crate::options::Options;
use crate::window::{self, Window};

const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

/// `relay --server IP:PORT --pid PID --called-port PORT --calls N [--number 2000] [--seconds 20] [--rate 20]
/// [--srtp true]`: the number must be bridged to `sip:bench@127.0.0.1:CALLED-PORT`. srtp: on the called side.
pub fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let calls: usize = options.required("calls")?;
    let pause = Duration::from_secs(1) / options.or("rate", 20)?;
    let window = Window::new(options.required("pid")?, calls, options.or("seconds", 20)?)?;
    let media = Media::start(2 * calls)?;
    // Caller k is stream 2k, whoever is called k-th is stream 2k+1.
    let sides = |odd: usize| {
        (odd..2 * calls)
            .step_by(2)
            .map(|i| (i, media.ports[i]))
            .collect::<Vec<_>>()
    };
    let srtp = options.or("srtp", false)?;
    let called = Called::start(
        options.required("called-port")?,
        sides(1),
        media.targets(),
        srtp,
    )?;
    let server: SocketAddr = options.required("server")?;
    let number: String = options.or("number", "2000".into())?;
    let mut callers = Callers::new(server, &number, media.targets())?;
    for side in sides(0) {
        callers.invite(side)?;
        callers.serve(Instant::now() + pause, |_| false)?;
    }
    callers.serve(Instant::now() + ANSWER_TIMEOUT, |c| c.answered() == calls)?;
    if callers.answered() != calls {
        let (answered, refusals) = (callers.answered(), callers.refusals());
        return Err(
            format!("{answered} of {calls} calls answered; refused with {refusals:?}").into(),
        );
    }
    let spent = window.measure(&media, |until| callers.serve(until, |_| false))?;
    let measured = media.finish();
    for index in 0..calls {
        callers.hang_up(index)?;
        callers.serve(Instant::now() + Duration::from_millis(5), |_| false)?;
    }
    callers.serve(Instant::now() + ANSWER_TIMEOUT, |c| c.ended() == calls)?;
    if callers.ended() != calls {
        return Err(format!("{} of {calls} calls ended", callers.ended()).into());
    }
    called.finish();
    window::print(&spent, measured);
    Ok(())
}
