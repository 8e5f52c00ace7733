//! Video tracks, read back by FFmpeg.

mod support;

use mediaswitch_matroska::{Codec, Summary};
use std::path::Path;
use support::*;

/// Time in milliseconds and key flag of every frame, as ffprobe demuxes it.
fn blocks(file: &Path) -> Vec<(u64, bool)> {
    let line = |line: &String| {
        let mut fields = line.split(',');
        let seconds: f64 = fields.next().unwrap().parse().unwrap();
        (
            (seconds * 1000.0).round() as u64,
            fields.next().unwrap().starts_with('K'),
        )
    };
    probe(file, "packet=pts_time,flags")
        .iter()
        .map(line)
        .collect()
}

fn decoded_frames(file: &Path) -> usize {
    let file = file.to_str().unwrap();
    let arguments = [
        "-v",
        "error",
        "-i",
        file,
        "-fps_mode",
        "passthrough",
        "-f",
        "framemd5",
        "-",
    ];
    let text = String::from_utf8(run("ffmpeg", &arguments)).unwrap();
    text.lines().filter(|line| !line.starts_with('#')).count()
}

fn record_video(packets: &[Rtp], end_ms: u64) -> (TempFile, Summary) {
    let (bytes, summary) = record(Codec::Vp8, packets, end_ms);
    (TempFile::new(&bytes, "mkv"), summary)
}

#[test]
fn every_frame_stands_where_it_came_and_the_file_lasts_the_session() {
    let frames = vp8_frames(50, "320x240", 25);
    let (file, summary) = record_video(&vp8_stream(700, &frames), 5000);
    let expected: Vec<_> = (0..50).map(|n| (700 + 40 * n, n % 25 == 0)).collect();
    assert_eq!(blocks(file.path()), expected);
    assert_eq!(decoded_frames(file.path()), 50);
    assert!((duration_s(file.path()) - 5.0).abs() < 0.001);
    assert_eq!(probe(file.path(), "stream=width,height"), ["320,240"]);
    assert_eq!(
        (summary.width, summary.height, summary.keyframes),
        (320, 240, 2)
    );
    let ns = |ms: u64| EPOCH + ms * MS;
    let end_of_last = (summary.gaps[1].0 - EPOCH) / MS;
    assert_eq!(
        summary.gaps.len(),
        2,
        "before the first frame and long after the last"
    );
    assert_eq!(
        (summary.gaps[0], summary.gaps[1].1),
        ((ns(0), ns(700)), ns(5000))
    );
    assert!(end_of_last.abs_diff(2660) <= 1, "{end_of_last}");
    assert_eq!(summary.first_media_ns, Some(ns(700)));
}

#[test]
fn the_file_begins_at_the_first_key_frame() {
    let frames = vp8_frames(50, "320x240", 25);
    let packets: Vec<Rtp> = vp8_stream(0, &frames)
        .into_iter()
        .filter(|packet| packet.at_ms >= 400)
        .collect();
    let (file, summary) = record_video(&packets, 2000);
    assert_eq!(blocks(file.path())[0], (1000, true));
    assert_eq!(decoded_frames(file.path()), 25);
    assert_eq!(summary.gaps, [(EPOCH, EPOCH + 1000 * MS)]);
}

#[test]
fn a_frame_with_a_lost_packet_is_dropped_whole_and_noted() {
    let frames = vp8_frames(50, "640x480", 25);
    let mut packets = vp8_stream(0, &frames);
    let hit = packets
        .iter()
        .position(|packet| packet.at_ms == 1000)
        .unwrap(); // within a key frame of many packets
    packets.remove(hit + 1);
    let (file, summary) = record_video(&packets, 2000);
    let times: Vec<u64> = blocks(file.path()).into_iter().map(|(ms, _)| ms).collect();
    let expected: Vec<u64> = (0..50).map(|n| 40 * n).filter(|ms| *ms != 1000).collect();
    assert_eq!(times, expected);
    assert_eq!(summary.lost, Some(1));
    assert_eq!(summary.gaps.len(), 1);
    let (from, to) = summary.gaps[0];
    assert!((to - from).abs_diff(80 * MS) <= MS);
}

#[test]
fn packets_out_of_order_and_twice_make_the_same_file() {
    let frames = vp8_frames(50, "640x480", 25);
    let packets = vp8_stream(0, &frames);
    let mut shuffled = packets.clone();
    let mut random = Random(3);
    for packet in &mut shuffled[1..] {
        packet.at_ms += random.below(150);
    }
    shuffled.sort_by_key(|packet| packet.at_ms);
    let doubled: Vec<Rtp> = shuffled
        .iter()
        .flat_map(|packet| [packet.clone(), packet.clone()])
        .collect();
    let (file, summary) = record_video(&doubled, 2500);
    let (plain, _) = record_video(&packets, 2500);
    assert_eq!(decoded_frames(file.path()), 50);
    assert_eq!(decoded_frames(plain.path()), 50);
    assert_eq!((summary.lost, summary.late), (Some(0), Some(0)));
}

#[test]
fn a_second_source_goes_on_with_its_own_sequence() {
    let frames = vp8_frames(25, "320x240", 25);
    let mut packets = vp8_stream(0, &frames);
    let mut second = vp8_stream(1500, &vp8_frames(25, "640x480", 25));
    for packet in &mut second {
        (packet.ssrc, packet.seq) = (8, packet.seq.wrapping_sub(40_000));
    }
    packets.extend(second);
    let (file, summary) = record_video(&packets, 2500);
    assert_eq!(
        decoded_frames(file.path()),
        50,
        "the picture may change its size"
    );
    assert_eq!(blocks(file.path())[25], (1500, true));
    assert_eq!(
        (summary.keyframes, summary.width, summary.lost),
        (2, 320, Some(0))
    );
}

#[test]
fn a_video_without_a_key_frame_is_an_empty_file_that_says_so() {
    let frames = vp8_frames(20, "320x240", 100);
    let packets: Vec<Rtp> = vp8_stream(0, &frames)
        .into_iter()
        .filter(|packet| packet.at_ms >= 40)
        .collect();
    let (file, summary) = record_video(&packets, 2000);
    assert!(blocks(file.path()).is_empty());
    assert_eq!((summary.first_media_ns, summary.keyframes), (None, 0));
    assert_eq!(summary.gaps, [(EPOCH, EPOCH + 2000 * MS)]);
}
