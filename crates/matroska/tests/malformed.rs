//! Whatever comes from the network, the writer stays up and the file stays whole.

mod support;

use mediaswitch_matroska::{Codec, TrackWriter};
use std::io::Cursor;
use support::*;

const CODECS: [Codec; 6] = [
    Codec::Pcmu,
    Codec::Pcma,
    Codec::L16 { rate: 16_000 },
    Codec::Opus { channels: 1 },
    Codec::Opus { channels: 2 },
    Codec::Vp8,
];

/// A packet of which anything may be wrong, most often only a little.
fn any_packet(random: &mut Random, n: u64) -> Rtp {
    let wild = random.below(8) == 0;
    let length = [0, 1, 2, 3, 10, 160, 1200][random.below(7) as usize];
    Rtp {
        at_ms: if wild { random.below(100_000) } else { n * 20 },
        ssrc: random.below(20) as u32 / 19,
        seq: if wild {
            random.below(65_536) as u16
        } else {
            n as u16
        },
        timestamp: if wild {
            random.below(1 << 32) as u32
        } else {
            n as u32 * 160
        },
        marker: random.below(2) == 0,
        payload: random.bytes(length),
    }
}

#[test]
fn random_packets_never_stop_a_writer_nor_spoil_its_length() {
    let mut random = Random(11);
    for codec in CODECS {
        for _ in 0..20 {
            let packets: Vec<Rtp> = (0..2000).map(|n| any_packet(&mut random, n)).collect();
            let (bytes, summary) = record(codec, &packets, 100_000);
            let file = TempFile::new(&bytes, "mkv");
            let again = mediaswitch_matroska::repair(file.path(), EPOCH + 100_000 * MS).unwrap();
            let after = std::fs::read(file.path()).unwrap();
            assert_eq!(after, bytes, "nothing to repair: every element is whole");
            if !codec.is_video() {
                assert_eq!(
                    (again.packets, &again.gaps),
                    (summary.packets, &summary.gaps)
                );
            }
            assert_eq!(again.end_ns, summary.end_ns);
            assert!(
                summary.gaps.windows(2).all(|pair| pair[0].1 <= pair[1].0),
                "{codec:?}"
            );
        }
    }
}

#[test]
fn packets_before_the_session_and_instants_that_run_backwards_are_survived() {
    for codec in CODECS {
        let mut file = Cursor::new(Vec::new());
        let mut writer = TrackWriter::create(&mut file, codec, EPOCH, "test").unwrap();
        let instants = [0, EPOCH - MS, EPOCH + 500 * MS, EPOCH, EPOCH + 1000 * MS];
        for (n, at_ns) in instants.into_iter().enumerate() {
            writer
                .write_rtp(at_ns, 1, n as u16, 0, true, &[0xf8; 20])
                .unwrap();
            writer.write_frame(at_ns, &[0xf8; 20]).unwrap();
            writer.advance_to(at_ns).unwrap();
        }
        let summary = writer.finish(EPOCH + 2000 * MS).unwrap();
        assert_eq!(summary.end_ns, EPOCH + 2000 * MS);
        let file = TempFile::new(&file.into_inner(), "mkv");
        assert!((duration_s(file.path()) - 2.0).abs() < 0.001, "{codec:?}");
    }
}

#[test]
fn opus_packets_that_no_decoder_takes_leave_silence() {
    let mut good = opus_packets(1.0, 440, &["-b:a", "32k"]);
    good.truncate(50); // the encoder's last packet goes beyond the second
    let mut packets = stream(0, 20, 960, good);
    for packet in packets.iter_mut().skip(10).take(10) {
        packet.payload = vec![0xff, 0x3f, 1, 2, 3]; // 63 frames of 20 ms
    }
    let (bytes, summary) = record(Codec::Opus { channels: 1 }, &packets, 1000);
    let file = TempFile::new(&bytes, "mka");
    assert!(decode(file.path(), 48_000).len().abs_diff(48_000) < 960);
    assert_eq!(summary.late, Some(10));
    assert_eq!(summary.gaps[0], (EPOCH + 200 * MS, EPOCH + 400 * MS));
}
