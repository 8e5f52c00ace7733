//! Sessions of two people over WebRTC, and the same packets without it for the floor.

mod flow;
mod peer;
mod people;

use std::io::{self, BufRead, Write};
use std::sync::mpsc::{channel, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use crate::options::Options;
use crate::window::{self, Window};
use peer::Failure;
use people::People;

const MEETING_TIMEOUT: Duration = Duration::from_secs(90);

/// `webrtc --pid PID --sessions N [--video true] [--seconds 20]`. Who started it does the signalling: it reads
/// `offer K LENGTH` and as many bytes of SDP for each of the 2N people, brings two and two into a session, and writes
/// `answer K LENGTH` and the SDP. Whom each person hears (and sees), once heard, must stay the only one.
pub fn run(options: &Options) -> Result<(), Failure> {
    let sessions: usize = options.required("sessions")?;
    let window = window(options, sessions)?;
    let (mut people, offers) = People::offering(2 * sessions, options.or("video", false)?)?;
    for (person, offer) in offers.iter().enumerate() {
        print!("offer {person} {}\n{offer}", offer.len());
    }
    io::stdout().flush()?;
    meet(&mut people, &answers())?;
    measure(&window, people)
}

/// `webrtc-streams --pid PID --sessions N ...`: prints the ports of the 2N people in one line, then reads a line for
/// each: where it sends.
pub fn run_plain(options: &Options) -> Result<(), Failure> {
    let sessions: usize = options.required("sessions")?;
    let window = window(options, sessions)?;
    let people = People::plain(2 * sessions, options.or("video", false)?, |ports| {
        let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
        println!("{}", ports.join(" "));
        let lines = io::stdin().lines().take(2 * sessions);
        lines.map(|line| Ok(line?.parse()?)).collect()
    })?;
    measure(&window, people)
}

fn window(options: &Options, sessions: usize) -> Result<Window, Failure> {
    Window::new(
        options.required("pid")?,
        sessions,
        options.or("seconds", 20)?,
    )
}

fn measure(window: &Window, mut people: People) -> Result<(), Failure> {
    let counted = people.window.clone();
    let spent = window.measure_in(&counted, |until| people.serve(until, |_| Ok(false)))?;
    window::print(&spent, people.into_measured());
    Ok(())
}

/// Take the answers until everybody hears, and sees, somebody.
fn meet(people: &mut People, answers: &Receiver<(usize, String)>) -> Result<(), Failure> {
    people.serve(Instant::now() + MEETING_TIMEOUT, |people| {
        while let Ok((person, sdp)) = answers.try_recv() {
            people.take_answer(person, &sdp)?;
        }
        Ok(people.all_meet())
    })?;
    if people.all_meet() {
        return Ok(());
    }
    let (connected, met) = (people.connected(), people.met());
    Err(format!("{connected} connected; {met:?} hear and see somebody").into())
}

/// Answers as they come on standard input.
fn answers() -> Receiver<(usize, String)> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut input = io::stdin().lock();
        while let Some(answer) = read_answer(&mut input) {
            if sender.send(answer).is_err() {
                return;
            }
        }
    });
    receiver
}

fn read_answer(input: &mut impl BufRead) -> Option<(usize, String)> {
    let mut line = String::new();
    input.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace();
    if words.next()? != "answer" {
        return None;
    }
    let person = words.next()?.parse().ok()?;
    let mut sdp = vec![0; words.next()?.parse().ok()?];
    input.read_exact(&mut sdp).ok()?;
    Some((person, String::from_utf8(sdp).ok()?))
}
