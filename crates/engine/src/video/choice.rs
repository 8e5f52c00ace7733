//! Which layer a receiver gets: pure decisions on rates, sizes and room.

use super::layers::LayerName;

/// A layer as it may be chosen; of a list, the smallest picture first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Picture {
    pub name: LayerName,
    /// Pixels; 0 if not known yet.
    pub height: u16,
    /// 0 if not known yet.
    pub bits_per_second: u64,
}

/// What a receiver has room for.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Room {
    /// Bits per second; None where nobody knows.
    pub bandwidth: Option<u64>,
    /// By how much it was less a moment ago: a layer above the present one must have fitted then, too.
    pub dip: u64,
    /// The height of the picture on the receiver's page, in its pixels; None if it did not tell.
    pub shown: Option<u16>,
    /// The last change is long enough ago to go up.
    pub may_rise: bool,
}

/// What audio is left, whatever the pictures need.
pub const VOICE_BPS: u64 = 60_000;
/// A layer above the present one must fit with so much to spare, in percent; the present one may be over by some.
const TO_RISE: u64 = 120;
const TO_STAY: u64 = 92;

/// A path is probed for so much at least: a sender's best layer comes only after the others, and probes at the start tell
/// most.
pub const LEAST_PROBED_BPS: u64 = 1_500_000;

/// What a path must carry for pictures of this rate to be risen to, bits per second.
pub fn with_headroom(bits_per_second: u64) -> u64 {
    bits_per_second * (TO_RISE + 10) / 100
}

/// Which of a sender's live layers to show; the smallest always fits, and each source begins with it: a small key frame is
/// there at once, where one of a large picture takes a sender and a lossy path up to seconds.
pub fn choose(pictures: &[Picture], present: Option<LayerName>, room: Room) -> Option<Picture> {
    let Some(present) = present else {
        return pictures.first().copied();
    };
    // One that stopped was above those that are left, as senders stop the largest first.
    let known = pictures.iter().position(|picture| picture.name == present);
    let present = known.unwrap_or(pictures.len());
    let highest = room
        .shown
        .map_or(pictures.len(), |shown| needed(pictures, shown));
    let fits = |index: &usize| {
        let rate = pictures[*index].bits_per_second;
        let rises = *index > present;
        let (percent, dip) = match rises {
            true => (TO_RISE, room.dip),
            false => (TO_STAY, 0),
        };
        let has_room = room.bandwidth.is_none_or(|bandwidth| {
            rate > 0 && rate * percent / 100 <= bandwidth.saturating_sub(dip)
        });
        *index == 0 || (has_room && (room.may_rise || !rises))
    };
    let index = (0..highest).rev().find(fits)?;
    Some(pictures[index])
}

/// How many layers from below a shown height can use.
fn needed(pictures: &[Picture], shown: u16) -> usize {
    let enough = pictures.iter().position(|p| p.height >= shown);
    enough.map_or(pictures.len(), |index| index + 1)
}

/// The choice for a receiver's screen and camera out of one bandwidth: audio first, then the screen, then the camera.
/// A camera that the screen leaves no room for is not shown.
pub fn share(
    bandwidth: Option<u64>,
    screen: impl FnOnce(Option<u64>) -> Option<Picture>,
    camera: impl FnOnce(Option<u64>) -> Option<Picture>,
) -> [Option<Picture>; 2] {
    let room = bandwidth.map(|all| all.saturating_sub(VOICE_BPS));
    let screen = screen(room);
    let spent = screen.map_or(0, |picture| picture.bits_per_second);
    let left = room.map(|room| room.saturating_sub(spent));
    let camera = camera(left).filter(|picture| {
        spent == 0 || left.is_none_or(|left| picture.bits_per_second * TO_STAY / 100 <= left)
    });
    [screen, camera]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &str) -> LayerName {
        Some(name.into())
    }

    fn pictures() -> [Picture; 3] {
        [
            ("q", 180, 150_000),
            ("h", 360, 450_000),
            ("f", 720, 1_500_000),
        ]
        .map(|(n, height, rate)| Picture {
            name: name(n),
            height,
            bits_per_second: rate,
        })
    }

    fn chosen(present: Option<&str>, bandwidth: u64, shown: Option<u16>) -> String {
        let room = Room {
            bandwidth: Some(bandwidth),
            dip: 0,
            shown,
            may_rise: true,
        };
        let picture = choose(&pictures(), present.map(name), room).unwrap();
        picture.name.unwrap().to_string()
    }

    #[test]
    fn the_best_layer_that_fits_is_chosen_and_the_smallest_always() {
        assert_eq!(chosen(Some("q"), 10_000_000, None), "f");
        assert_eq!(chosen(Some("q"), 700_000, None), "h");
        assert_eq!(chosen(Some("q"), 10_000, None), "q");
    }

    #[test]
    fn each_source_begins_with_the_smallest_picture() {
        assert_eq!(chosen(None, 10_000_000, None), "q");
    }

    #[test]
    fn a_small_picture_gets_no_layer_above_its_size() {
        assert_eq!(chosen(Some("f"), 10_000_000, Some(170)), "q");
        assert_eq!(chosen(Some("q"), 10_000_000, Some(200)), "h");
        assert_eq!(chosen(Some("q"), 10_000_000, Some(2_000)), "f");
    }

    #[test]
    fn near_its_limit_a_layer_stays_but_is_not_risen_to() {
        assert_eq!(chosen(Some("h"), 440_000, None), "h");
        assert_eq!(chosen(Some("q"), 440_000, None), "q");
        assert_eq!(chosen(Some("h"), 400_000, None), "q");
    }

    #[test]
    fn soon_after_a_change_the_layer_only_falls() {
        let room = |bandwidth| Room {
            bandwidth: Some(bandwidth),
            dip: 0,
            shown: None,
            may_rise: false,
        };
        let layer = |bandwidth| {
            choose(&pictures(), Some(name("h")), room(bandwidth))
                .unwrap()
                .name
        };
        assert_eq!(layer(10_000_000), name("h"));
        assert_eq!(layer(100_000), name("q"));
    }

    #[test]
    fn a_layer_is_risen_to_only_if_it_would_have_fitted_a_moment_ago() {
        let room = |dip| Room {
            bandwidth: Some(900_000),
            dip,
            shown: None,
            may_rise: true,
        };
        let layer = |present, dip| choose(&pictures(), Some(name(present)), room(dip)).unwrap();
        assert_eq!(layer("q", 300_000).name, name("h"));
        assert_eq!(layer("q", 400_000).name, name("q"));
        assert_eq!(layer("h", 400_000).name, name("h"));
    }

    #[test]
    fn a_layer_whose_rate_is_unknown_is_not_risen_to_on_a_known_path() {
        let mut unmeasured = pictures();
        unmeasured.iter_mut().for_each(|p| p.bits_per_second = 0);
        let room = |bandwidth| Room {
            bandwidth,
            dip: 0,
            shown: None,
            may_rise: true,
        };
        assert_eq!(
            choose(&unmeasured, Some(name("q")), room(Some(9_000_000)))
                .unwrap()
                .name,
            name("q")
        );
        assert_eq!(
            choose(&unmeasured, Some(name("q")), room(None))
                .unwrap()
                .name,
            name("f")
        );
    }

    #[test]
    fn a_screen_goes_before_a_camera_and_voice_before_both() {
        let screen = Picture {
            name: None,
            height: 720,
            bits_per_second: 500_000,
        };
        let shared = |bandwidth| {
            let camera = |left| {
                let room = Room {
                    bandwidth: left,
                    dip: 0,
                    shown: None,
                    may_rise: true,
                };
                choose(&pictures(), Some(name("q")), room)
            };
            let [screen, camera] = share(Some(bandwidth), |_| Some(screen), camera);
            assert!(screen.is_some());
            camera.map(|picture| picture.name)
        };
        assert_eq!(shared(5_000_000), Some(name("f")));
        assert_eq!(shared(VOICE_BPS + 700_000), Some(name("q")));
        assert_eq!(shared(VOICE_BPS + 600_000), None);
    }

    #[test]
    fn alone_a_camera_is_shown_on_any_path() {
        let camera = |left| {
            let room = Room {
                bandwidth: left,
                dip: 0,
                shown: None,
                may_rise: true,
            };
            choose(&pictures(), None, room)
        };
        assert!(share(Some(1_000), |_| None, camera)[1].is_some());
    }
}
