//! The floor: the least that moving these packets costs. A process that forwards datagrams between two sockets a call,
//! polled each millisecond, and knows nothing of RTP.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::net::Poller;

const PERIOD: Duration = Duration::from_millis(1);

/// Forward until standard input closes: reads one line a socket, the address to send to what came to its partner
/// (sockets 2k and 2k+1 are partners), and answers with the port of each.
pub fn forward(sockets: usize) -> io::Result<()> {
    let opened = (0..sockets)
        .map(|_| UdpSocket::bind("127.0.0.1:0"))
        .collect::<io::Result<Vec<_>>>()?;
    let targets = read_targets(sockets)?;
    let mut poller = Poller::new()?;
    for (token, socket) in opened.iter().enumerate() {
        socket.set_nonblocking(true)?;
        poller.add(socket, token)?;
        println!("{}", socket.local_addr()?.port());
    }
    thread::spawn(|| {
        let _ = io::copy(&mut io::stdin(), &mut io::sink()); // an error is an end, too
        std::process::exit(0);
    });
    forward_forever(&opened, &targets, &mut poller)
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

fn forward_forever(
    sockets: &[UdpSocket],
    targets: &[SocketAddr],
    poller: &mut Poller,
) -> io::Result<()> {
    let mut buffer = [0u8; 2048];
    let mut deadline = Instant::now();
    loop {
        for token in poller.ready() {
            let partner = token ^ 1;
            while let Ok(length) = sockets[token].recv(&mut buffer) {
                sockets[partner].send_to(&buffer[..length], targets[partner])?;
            }
        }
        deadline += PERIOD;
        thread::sleep(deadline.saturating_duration_since(Instant::now()));
    }
}

/// A forwarder running in a process of its own.
pub struct Forwarder {
    process: Child,
    pub ports: Vec<u16>,
}

impl Forwarder {
    /// Start one whose k-th socket sends to the k-th of these ports.
    pub fn start(receivers: &[u16]) -> io::Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(["forward", &receivers.len().to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (Some(input), Some(output)) = (process.stdin.as_mut(), process.stdout.take()) else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        for port in receivers {
            writeln!(input, "127.0.0.1:{port}")?;
        }
        let lines = BufReader::new(output).lines().take(receivers.len());
        let ports = lines
            .map(|line| line?.parse().map_err(io::Error::other))
            .collect::<io::Result<_>>()?;
        Ok(Self { process, ports })
    }

    pub fn id(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        let _ = self.process.kill(); // it may have ended by itself
        let _ = self.process.wait();
    }
}
