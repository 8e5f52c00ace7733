//! The floor: the least that moving these packets costs. A process that forwards datagrams between two sockets a call,
//! polled each millisecond, and knows nothing of RTP.

use std::error::Error;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use crate::net::Poller;
use crate::options::Options;

const PERIOD: Duration = Duration::from_millis(1);

/// `forward --sockets N [--woken true]`, until standard input closes: prints the ports of its sockets in one line, and
/// reads a line for each: where to send what came to its partner (sockets 2k and 2k+1 are partners). Woken, it waits
/// for packets instead of polling: dearer, and the least latency.
pub fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let sockets: usize = options.required("sockets")?;
    let woken: bool = options.or("woken", false)?;
    let opened = (0..sockets)
        .map(|_| UdpSocket::bind("127.0.0.1:0"))
        .collect::<io::Result<Vec<_>>>()?;
    let mut poller = Poller::new()?;
    let mut ports = Vec::new();
    for (token, socket) in opened.iter().enumerate() {
        socket.set_nonblocking(true)?;
        poller.add(socket, token)?;
        ports.push(socket.local_addr()?.port().to_string());
    }
    println!("{}", ports.join(" "));
    let targets = read_targets(sockets)?;
    thread::spawn(|| {
        let _ = io::copy(&mut io::stdin(), &mut io::sink()); // an error is an end, too
        std::process::exit(0);
    });
    let mut deadline = Instant::now();
    loop {
        forward_waiting(&opened, &targets, &mut poller, woken)?;
        if !woken {
            deadline += PERIOD;
            thread::sleep(deadline.saturating_duration_since(Instant::now()));
        }
    }
}

fn read_targets(sockets: usize) -> io::Result<Vec<SocketAddr>> {
    let lines = io::stdin().lines().take(sockets);
    let targets = lines
        .map(|line| line?.parse().map_err(io::Error::other))
        .collect::<io::Result<Vec<_>>>()?;
    if targets.len() == sockets {
        Ok(targets)
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}

fn forward_waiting(
    sockets: &[UdpSocket],
    targets: &[SocketAddr],
    poller: &mut Poller,
    wait: bool,
) -> io::Result<()> {
    let mut buffer = [0u8; 2048];
    for token in poller.ready(wait) {
        let partner = token ^ 1;
        while let Ok(length) = sockets[token].recv(&mut buffer) {
            sockets[partner].send_to(&buffer[..length], targets[partner])?;
        }
    }
    Ok(())
}
