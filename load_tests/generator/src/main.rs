//! Load for the switch: real SIP calls with real RTP through it, and the same packets through other things beside it.
//!
//!     load-generator relay --server 127.0.0.1:5060 --pid PID --number 2000 --called-port 6060 --calls 50
//!
//! prints one JSON object. Each command is a module, which says what it takes.

mod called;
mod callers;
mod churn;
mod floor;
mod media;
mod net;
mod options;
mod process;
mod relay;
mod sdes;
mod sip;
mod streams;
mod transcode;
mod voices;
mod webrtc;
mod window;

use std::error::Error;

use options::Options;

type Command = fn(&Options) -> Result<(), Box<dyn Error>>;

const COMMANDS: &[(&str, Command)] = &[
    ("relay", relay::run),
    ("churn", churn::run),
    ("streams", streams::run),
    ("transcode", transcode::run),
    ("voices", voices::run),
    ("forward", floor::run),
    ("webrtc", webrtc::run),
    ("webrtc-streams", webrtc::run_plain),
];

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let name = words.first().map_or("", String::as_str);
    let Some((_, command)) = COMMANDS.iter().find(|(known, _)| *known == name) else {
        let known: Vec<&str> = COMMANDS.iter().map(|(name, _)| *name).collect();
        return Err(
            format!("usage: load-generator COMMAND --name value ...; commands: {known:?}").into(),
        );
    };
    command(&Options::parse(&words[1..]))
}
