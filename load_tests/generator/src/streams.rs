//! The same packets without signalling, for what has its own: the floor's forwarder, and media servers beside us.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::thread;
use std::time::Instant;

use crate::media::Media;
use crate::options::Options;
use crate::window::{self, Window};

/// `streams --pid PID --calls N [--seconds 20]`: prints the ports of the 2N streams in one line, then reads a line for
/// each: where it sends. Streams 2k and 2k+1 are the two ends of a call.
pub fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let calls: usize = options.required("calls")?;
    let window = Window::new(options.required("pid")?, calls, options.or("seconds", 20)?)?;
    let media = Media::start(2 * calls)?;
    let ports: Vec<String> = media.ports.iter().map(u16::to_string).collect();
    println!("{}", ports.join(" "));
    for (stream, line) in io::stdin().lines().take(2 * calls).enumerate() {
        let target: SocketAddr = line?.parse()?;
        media.targets().send((stream, target.into()))?;
    }
    let spent = window.measure(&media, |until| {
        thread::sleep(until.saturating_duration_since(Instant::now()));
        Ok(())
    })?;
    window::print(&spent, media.finish());
    Ok(())
}
