//! Audio tracks, read back by FFmpeg.

mod support;

use mediaswitch_matroska::{Codec, TrackWriter};
use std::io::Cursor;
use support::*;

const G711_SILENCE: [u8; 2] = [0xff, 0xd5];

fn tone(n: u64) -> Vec<u8> {
    (0..160u64)
        .map(|i| {
            if ((n * 160 + i) / 4).is_multiple_of(2) {
                0x90
            } else {
                0x10
            }
        })
        .collect()
}

/// Milliseconds of the samples that are loud, as `(from, to)` stretches.
fn loud(samples: &[i16], rate: usize) -> Vec<(usize, usize)> {
    let mut stretches: Vec<(usize, usize)> = Vec::new();
    for (ms, slice) in samples.chunks(rate / 1000).enumerate() {
        if slice.iter().all(|sample| sample.unsigned_abs() < 200) {
            continue;
        }
        match stretches.last_mut() {
            Some(last) if ms <= last.1 + 2 => last.1 = ms + 1,
            _ => stretches.push((ms, ms + 1)),
        }
    }
    stretches
}

#[test]
fn a_g711_track_lasts_its_session_with_the_tone_where_it_came() {
    for codec in [Codec::Pcmu, Codec::Pcma] {
        let (bytes, summary) = record(codec, &g711(1500, 100, tone), 5000);
        let file = TempFile::new(&bytes, "mka");
        let samples = decode(file.path(), 8000);
        assert_eq!(samples.len(), 40_000);
        assert_eq!(loud(&samples, 8000), [(1500, 3500)]);
        assert!((duration_s(file.path()) - 5.0).abs() < 0.001);
        assert_eq!(
            (summary.packets, summary.lost, summary.late),
            (100, Some(0), Some(0))
        );
        let ns = |ms: u64| EPOCH + ms * MS;
        assert_eq!(summary.gaps, [(ns(0), ns(1500)), (ns(3500), ns(5000))]);
        assert_eq!(summary.first_media_ns, Some(ns(1500)));
    }
}

#[test]
fn a_track_without_a_packet_is_silence_as_long_as_the_session() {
    for codec in [
        Codec::Pcmu,
        Codec::Pcma,
        Codec::L16 { rate: 16_000 },
        Codec::Opus { channels: 2 },
    ] {
        let (bytes, summary) = record(codec, &[], 3210);
        let file = TempFile::new(&bytes, "mka");
        let samples = decode(file.path(), 8000);
        assert!(
            samples.len().abs_diff(25_680) <= 20,
            "{codec:?}: {}",
            samples.len()
        );
        assert!(loud(&samples, 8000).is_empty());
        assert_eq!(summary.gaps, [(EPOCH, EPOCH + 3210 * MS)]);
    }
}

#[test]
fn lost_packets_are_counted_and_leave_silence_of_their_length() {
    let mut packets = g711(0, 100, tone);
    packets.drain(50..60);
    let (bytes, summary) = record(Codec::Pcmu, &packets, 2000);
    let file = TempFile::new(&bytes, "mka");
    assert_eq!(
        loud(&decode(file.path(), 8000), 8000),
        [(0, 1000), (1200, 2000)]
    );
    assert_eq!(summary.lost, Some(10));
    assert_eq!(summary.gaps, [(EPOCH + 1000 * MS, EPOCH + 1200 * MS)]);
}

#[test]
fn packets_out_of_order_and_twice_make_the_same_file() {
    let packets = g711(100, 200, |n| vec![(n % 100) as u8; 160]);
    let mut shuffled = packets.clone();
    for group in shuffled.chunks_mut(4) {
        let latest = group.last().unwrap().at_ms;
        group.reverse();
        group.iter_mut().for_each(|packet| packet.at_ms = latest);
    }
    let doubled: Vec<Rtp> = shuffled
        .iter()
        .flat_map(|packet| [packet.clone(), packet.clone()])
        .collect();
    let sound = |packets: &[Rtp]| {
        let (bytes, summary) = record(Codec::Pcmu, packets, 5000);
        assert_eq!(
            (summary.packets, summary.lost, summary.late),
            (200, Some(0), Some(0))
        );
        let samples = decode(TempFile::new(&bytes, "mka").path(), 8000);
        samples
            .into_iter()
            .filter(|sample| *sample != 0)
            .collect::<Vec<_>>()
    };
    assert_eq!(sound(&doubled), sound(&packets));
}

#[test]
fn a_stall_that_comes_in_a_burst_keeps_its_place() {
    let mut packets = g711(0, 150, tone);
    for packet in &mut packets[50..58] {
        packet.at_ms = 1160; // the network held 160 ms of packets
    }
    let (bytes, summary) = record(Codec::Pcmu, &packets, 3000);
    let file = TempFile::new(&bytes, "mka");
    assert_eq!(loud(&decode(file.path(), 8000), 8000), [(0, 3000)]);
    assert_eq!(summary.late, Some(0));
}

#[test]
fn a_stall_beyond_the_window_is_late_and_what_follows_keeps_its_place() {
    let mut packets = g711(0, 150, tone);
    for packet in &mut packets[50..75] {
        packet.at_ms = 1500;
    }
    let (bytes, summary) = record(Codec::Pcmu, &packets, 3000);
    let file = TempFile::new(&bytes, "mka");
    assert_eq!(
        loud(&decode(file.path(), 8000), 8000),
        [(0, 1000), (1300, 3000)]
    );
    assert_eq!((summary.late, summary.lost), (Some(15), Some(0)));
}

#[test]
fn a_sender_that_pauses_its_timestamps_goes_on_where_it_comes_again() {
    let mut packets = g711(0, 100, tone);
    for packet in &mut packets[50..] {
        packet.at_ms += 3000; // a phone on hold: no packets, and no timestamps either
    }
    let (bytes, summary) = record(Codec::Pcmu, &packets, 6000);
    let file = TempFile::new(&bytes, "mka");
    assert_eq!(
        loud(&decode(file.path(), 8000), 8000),
        [(0, 1000), (4000, 5000)]
    );
    assert_eq!((summary.packets, summary.late), (100, Some(0)));
}

#[test]
fn timestamps_that_leap_do_not_move_the_sound() {
    for leap in [1_000_000u32, 0x9000_0000, 1600] {
        let mut packets = g711(0, 100, tone);
        for packet in &mut packets[50..] {
            packet.timestamp = packet.timestamp.wrapping_add(leap);
        }
        let (bytes, summary) = record(Codec::Pcmu, &packets, 2000);
        let file = TempFile::new(&bytes, "mka");
        assert_eq!(
            loud(&decode(file.path(), 8000), 8000),
            [(0, 2000)],
            "{leap}"
        );
        assert_eq!(summary.packets, 100);
    }
}

#[test]
fn a_new_ssrc_goes_on_where_it_comes() {
    let mut packets = g711(0, 50, tone);
    let mut second = g711(1300, 50, tone);
    for (n, packet) in second.iter_mut().enumerate() {
        (packet.ssrc, packet.seq, packet.timestamp) = (9, 9 + n as u16, 77 + 160 * n as u32);
    }
    packets.extend(second);
    let (bytes, summary) = record(Codec::Pcmu, &packets, 2500);
    let file = TempFile::new(&bytes, "mka");
    assert_eq!(
        loud(&decode(file.path(), 8000), 8000),
        [(0, 1000), (1300, 2300)]
    );
    assert_eq!((summary.packets, summary.lost), (100, Some(0)));
}

#[test]
fn opus_of_every_mode_and_duration_decodes_to_the_session_with_its_holes_silent() {
    let modes: [(&[&str], u32, u64); 6] = [
        (
            &[
                "-application",
                "voip",
                "-b:a",
                "12k",
                "-frame_duration",
                "20",
            ],
            960,
            20,
        ), // SILK
        (
            &[
                "-application",
                "voip",
                "-b:a",
                "12k",
                "-frame_duration",
                "60",
            ],
            2880,
            60,
        ),
        (
            &["-application", "voip", "-b:a", "28k", "-ar", "48000"],
            960,
            20,
        ), // hybrid
        (&["-application", "audio", "-b:a", "64k"], 960, 20), // CELT
        (
            &[
                "-application",
                "lowdelay",
                "-frame_duration",
                "2.5",
                "-b:a",
                "96k",
            ],
            120,
            0,
        ),
        (
            &["-application", "audio", "-b:a", "64k", "-ac", "2"],
            960,
            20,
        ),
    ];
    for (options, step, every_ms) in modes {
        let packets = opus_packets(2.0, 440, options);
        let count = packets.len();
        let mut packets = stream(1000, every_ms, step, packets);
        for (n, packet) in packets.iter_mut().enumerate() {
            packet.at_ms = 1000 + n as u64 * u64::from(step) / 48;
        }
        let hole = count / 2..count / 2 + count / 10;
        let lost = hole.len() as u64;
        packets.drain(hole);
        let (bytes, summary) = record(Codec::Opus { channels: 2 }, &packets, 4007);
        let file = TempFile::new(&bytes, "mka");
        let samples = decode(file.path(), 48_000);
        assert!(
            samples.len().abs_diff(4007 * 48) < 960,
            "{options:?}: {} samples",
            samples.len()
        );
        let libopus = run(
            "ffmpeg",
            &[
                "-v",
                "error",
                "-c:a",
                "libopus",
                "-i",
                file.path().to_str().unwrap(),
                "-f",
                "s16le",
                "-ac",
                "1",
                "-",
            ],
        );
        assert!(
            (libopus.len() / 2).abs_diff(4007 * 48) < 960,
            "{options:?}: libopus {} samples",
            libopus.len() / 2
        );
        assert_eq!(summary.lost, Some(lost), "{options:?}");
        assert_eq!(
            summary.gaps.len(),
            3,
            "{options:?}: before, the hole, after"
        );
        let stretches = loud(&samples, 48_000);
        assert!(
            stretches[0].0.abs_diff(1000) < 25,
            "{options:?}: {stretches:?}"
        );
        assert!(
            stretches.last().unwrap().1.abs_diff(3000) < 60,
            "{options:?}: {stretches:?}"
        );
    }
}

#[test]
fn frames_of_the_player_follow_without_a_seam_though_their_instants_jitter() {
    let mut file = Cursor::new(Vec::new());
    let codec = Codec::L16 { rate: 16_000 };
    let mut writer = TrackWriter::create(&mut file, codec, EPOCH, "prompt").unwrap();
    let frame: Vec<u8> = (0..320i16).flat_map(|i| (8000 + i).to_le_bytes()).collect();
    for n in 0..50u64 {
        let jitter = (n * 7 % 11) * 300_000;
        writer
            .write_frame(EPOCH + 500 * MS + n * 20 * MS + jitter, &frame)
            .unwrap();
    }
    writer.write_frame(EPOCH + 2000 * MS, &frame).unwrap(); // another prompt
    let summary = writer.finish(EPOCH + 2500 * MS).unwrap();
    let file = TempFile::new(&file.into_inner(), "mka");
    let samples = decode(file.path(), 16_000);
    assert_eq!(samples.len(), 40_000);
    assert_eq!(loud(&samples, 16_000), [(500, 1500), (2000, 2020)]);
    assert_eq!(summary.packets, 51);
}

#[test]
fn what_comes_at_the_very_end_is_cut_there() {
    let (bytes, summary) = record(Codec::Pcmu, &g711(0, 51, tone), 1010);
    let file = TempFile::new(&bytes, "mka");
    assert_eq!(decode(file.path(), 8000).len(), 8080);
    assert_eq!((summary.packets, summary.end_ns), (51, EPOCH + 1010 * MS));
}

#[test]
fn an_end_that_is_told_a_little_late_is_the_end() {
    for talks_ms in [300, 1300] {
        let mut file = Cursor::new(Vec::new());
        let mut writer = TrackWriter::create(&mut file, Codec::Pcmu, EPOCH, "test").unwrap();
        for packet in g711(0, talks_ms / 20, tone) {
            write(&mut writer, &packet);
        }
        writer.advance_to(EPOCH + 1390 * MS).unwrap();
        let summary = writer.finish(EPOCH + 1000 * MS).unwrap();
        let file = TempFile::new(&file.into_inner(), "mka");
        assert_eq!(decode(file.path(), 8000).len(), 8000);
        assert_eq!(summary.end_ns, EPOCH + 1000 * MS);
    }
}

#[test]
fn a_track_told_late_of_its_end_says_how_long_it_became() {
    let mut file = Cursor::new(Vec::new());
    let mut writer = TrackWriter::create(&mut file, Codec::Pcmu, EPOCH, "test").unwrap();
    for packet in g711(0, 100, tone) {
        write(&mut writer, &packet);
    }
    let summary = writer.finish(EPOCH + 1000 * MS).unwrap();
    let file = TempFile::new(&file.into_inner(), "mka");
    let written = decode(file.path(), 8000).len() as u64 / 8;
    assert!((1500..1600).contains(&written), "{written}");
    assert_eq!(summary.end_ns, EPOCH + written * MS);
    assert!((duration_s(file.path()) * 1000.0 - written as f64).abs() < 1.0);
}

#[test]
fn any_loss_order_and_jitter_leaves_a_track_of_the_sessions_length() {
    let mut random = Random(42);
    for round in 0..300 {
        let codec = [Codec::Pcmu, Codec::L16 { rate: 8000 }][round % 2];
        let width = 1 + round % 2;
        let mut packets = g711(random.below(3000), 50 + random.below(100), |_| {
            vec![0x20; 160 * width]
        });
        packets.retain(|_| random.below(10) > 0);
        for packet in &mut packets {
            packet.at_ms += random.below(60);
        }
        packets.sort_by_key(|packet| packet.at_ms);
        let end_ms = packets.last().unwrap().at_ms + random.below(500);
        let (bytes, summary) = record(codec, &packets, end_ms);
        assert_eq!(
            sample_bytes(&bytes),
            end_ms * 8 * width as u64,
            "round {round}"
        );
        assert_eq!(summary.late, Some(0), "round {round}");
        let silent: u64 = summary.gaps.iter().map(|(from, to)| (to - from) / MS).sum();
        assert!(silent <= end_ms);
        assert!(
            summary.gaps.windows(2).all(|pair| pair[0].1 < pair[1].0),
            "round {round}: gaps in order"
        );
    }
}

#[test]
fn a_first_packet_that_was_delayed_costs_nothing() {
    let mut packets = g711(1000, 100, tone);
    packets[0].at_ms = 1090;
    packets[1].at_ms = 1090;
    packets.sort_by_key(|packet| packet.at_ms);
    let (bytes, summary) = record(Codec::Pcmu, &packets, 4000);
    let file = TempFile::new(&bytes, "mka");
    assert_eq!(loud(&decode(file.path(), 8000), 8000), [(1000, 3000)]);
    assert_eq!((summary.packets, summary.late), (100, Some(0)));
}

#[test]
fn a_bad_network_leaves_a_track_of_the_sessions_length_and_loses_little() {
    let mut random = Random(7);
    let (mut written, mut late) = (0, 0);
    for round in 0..100 {
        let mut packets = g711(random.below(3000), 200, |_| vec![0x20; 160]);
        packets.retain(|_| random.below(5) > 0);
        for packet in &mut packets {
            packet.at_ms += random.below(190);
        }
        packets.sort_by_key(|packet| packet.at_ms);
        let (bytes, summary) = record(Codec::Pcmu, &packets, 7500);
        assert_eq!(sample_bytes(&bytes), 60_000, "round {round}");
        written += summary.packets;
        late += summary.late.unwrap();
    }
    assert!(late * 50 < written, "{late} late, {written} written");
}

/// Bytes of sound in a file of fixed-width samples, by a walk over its elements that shares nothing with the crate.
fn sample_bytes(file: &[u8]) -> u64 {
    let (mut at, mut total) = (0, 0);
    while at < file.len() {
        let id_length = file[at].leading_zeros() as usize + 1;
        let id = &file[at..at + id_length];
        let size_at = at + id_length;
        let size_length = file[size_at].leading_zeros() as usize + 1;
        let mut size = u64::from(file[size_at]) & ((1 << (8 - size_length)) - 1);
        for byte in &file[size_at + 1..size_at + size_length] {
            size = size << 8 | u64::from(*byte);
        }
        at = size_at + size_length;
        match id {
            [0x18, 0x53, 0x80, 0x67] | [0x1f, 0x43, 0xb6, 0x75] | [0xa0] => continue, // Segment, Cluster, BlockGroup
            [0xa3] | [0xa1] => total += size - 4,
            _ => {}
        }
        at += size as usize;
    }
    total
}

#[test]
fn silence_of_g711_is_the_codecs_own() {
    for (codec, silence) in [Codec::Pcmu, Codec::Pcma].into_iter().zip(G711_SILENCE) {
        let (bytes, _) = record(codec, &[], 200);
        let longest = bytes.split(|byte| *byte != silence).map(<[u8]>::len).max();
        assert_eq!(longest, Some(800), "{codec:?}: blocks of 100 ms");
    }
}
