//! A thing that is followed.

use std::f64::consts::{FRAC_PI_2, PI};

use janus_datasets::Class;
use janus_datasets::roads::Roads;

use super::config::ObjectsConfig;
use super::extent::Extent;
use super::filter::{Filter, Gaussian, Place, nearest_axis};
use super::fuse::Call;
use super::measure::{Expected, Measured, View, nearest_side};
use super::object::{Motion, Object, Source};
use super::predict::hypotheses;
use super::rectangle::Rectangle;
use super::shape::{Belief, Look, Prior, prior};

/// Standard deviation of the speed of something seen for the first time, m/s.
const ANY_SPEED: f64 = 4.0;
/// And of the heading of the rectangle around it, rad.
const FIRST_YAW: f64 = 0.3;
/// It tells the direction of its length from this speed on, m/s,
const TELLING_SPEED: f64 = 1.0;
/// if so far from it, rad.
const ASTRAY: f64 = 0.9;
/// The odds of something do not become better than this, nats: it can end.
const SUREST: f64 = 15.0;
/// A sighting is remembered as long as this, ns.
const REMEMBERED_NS: i64 = 1_000_000_000;
/// What was seen in fewer frames is forgotten when it is hidden.
const LASTING: u32 = 10;
/// One way round must fit so much better than the other to turn a thing.
const TURNS: f64 = 4.0;

/// A thing that is followed.
#[derive(Clone, Debug)]
pub(super) struct Track {
    pub(super) id: u64,
    pub(super) filter: Filter,
    belief: Belief,
    extent: Extent,
    /// The logarithm of the odds that there is such a thing, by the ratio of
    /// likelihoods: Blackman and Popoli, "Design and analysis of modern
    /// tracking systems", 1999, section 6.2.
    pub(super) score: f64,
    /// Whether the odds were ever good enough to call it a thing.
    pub(super) confirmed: bool,
    /// Whether it has shown which end is its front.
    oriented: bool,
    /// Height of the ground under it, m in odom.
    ground: f64,
    /// In how many frames it was seen apart from everything else.
    hits: u32,
    /// When it was last seen so, ns,
    apart: i64,
    /// and when it was last measured at all, be it as a part of something
    /// larger;
    pub(super) measured: i64,
    /// by lidars and by cameras.
    by_lidar: Option<i64>,
    by_camera: Option<i64>,
}

impl Track {
    /// Something that is seen for the first time: a rectangle around what is
    /// seen of it, its length the longer side.
    pub(super) fn born(
        id: u64,
        stamp: i64,
        view: &View<'_>,
        around: &Rectangle,
        calls: &[Call],
        measure: impl Fn(&Expected) -> Option<Measured>,
    ) -> Option<Self> {
        let mut belief = Belief::new();
        for call in calls {
            belief.called(call.class, call.score);
        }
        // The longer side of what is seen may as well be the width.
        let whole = [false; 2];
        let look = |rectangle: &Rectangle, height| Look {
            sides: rectangle.size,
            height,
            gap: 0.3,
            whole,
        };
        let expect = |rectangle: Rectangle| Expected {
            rectangle,
            spread: [0.5; 2],
            yaw_spread: FIRST_YAW,
            velocity: [0.0; 2],
        };
        let first = measure(&expect(*around))?;
        let height = first.look.height;
        let [length_first, width_first] = [*around, around.turned()]
            .map(|rectangle| belief.plausibility(&look(&rectangle, height)));
        let around = if width_first > length_first {
            around.turned()
        } else {
            *around
        };
        belief.look(&look(&around, height));
        let prior = prior(belief.best().0);
        let extent = Extent::default();
        let (size, spread) = extent.of(&prior);
        let size = [0, 1].map(|k| size[k].max(around.size[k]));
        let expected = Expected {
            rectangle: Rectangle { size, ..around },
            spread: [spread[0], spread[1]],
            yaw_spread: FIRST_YAW,
            velocity: [0.0; 2],
        };
        let measured = measure(&turned_to(view, &expected, &prior))?;
        let mut track = Self {
            id,
            filter: Filter::new(&measured.place, around.yaw, FIRST_YAW, ANY_SPEED),
            belief,
            extent,
            score: 0.0,
            confirmed: false,
            oriented: false,
            ground: measured.ground,
            hits: 1,
            apart: stamp,
            measured: stamp,
            by_lidar: Some(stamp),
            by_camera: (!calls.is_empty()).then_some(stamp),
        };
        track.extent.look(&measured, &prior);
        Some(track)
    }

    /// Something that is only seen in a picture.
    pub(super) fn sighted(id: u64, stamp: i64, call: &Call, place: &Place, ground: f64) -> Self {
        let mut belief = Belief::new();
        belief.called(call.class, call.score);
        Self {
            id,
            filter: Filter::new(place, 0.0, FRAC_PI_2, ANY_SPEED),
            belief,
            extent: Extent::default(),
            score: 0.0,
            confirmed: false,
            oriented: false,
            ground,
            hits: 1,
            apart: stamp,
            measured: stamp,
            by_lidar: None,
            by_camera: Some(stamp),
        }
    }

    pub(super) fn class(&self) -> Class {
        self.belief.best().0
    }

    fn prior(&self) -> Prior {
        prior(self.class())
    }

    /// Its box, over the ground.
    pub(super) fn rectangle(&self) -> Rectangle {
        let Gaussian { mean, .. } = self.filter.estimate();
        let ([length, width, _], _) = self.extent.of(&self.prior());
        Rectangle {
            centre: [mean[0], mean[1]],
            yaw: mean[2],
            size: [length, width],
        }
    }

    /// What it should look like.
    pub(super) fn expected(&self, view: &View<'_>) -> Expected {
        let prior = self.prior();
        let (_, [along, across, _]) = self.extent.of(&prior);
        let Gaussian { mean, covariance } = self.filter.estimate();
        let expected = Expected {
            rectangle: self.rectangle(),
            spread: [along, across],
            yaw_spread: covariance[(2, 2)].sqrt(),
            velocity: [mean[3], mean[4]],
        };
        turned_to(view, &expected, &prior)
    }

    /// How far along either axis something that was seen is larger than this
    /// can be, m.
    pub(super) fn overshoot(&self, measured: &Measured) -> f64 {
        let (size, spread) = self.extent.of(&self.prior());
        let over = |k: usize| measured.look.sides[k] - size[k] - 2.0 * spread[k];
        over(0).max(over(1)).max(0.0)
    }

    /// Takes in what the lidars saw of it. `apart` says that it was seen apart
    /// from everything else; if not, that it is there is less sure than before:
    /// what it is a part of would be there without it.
    pub(super) fn update(
        &mut self,
        stamp: i64,
        measured: &Measured,
        calls: &[Call],
        apart: bool,
        config: &ObjectsConfig,
    ) {
        let prior = self.prior();
        let look = &measured.look;
        let yaw = measured
            .side
            .filter(|_| prior.is_wheeled || self.class() == Class::Obstacle);
        let here = self.filter.estimate().mean[2];
        let yaw = yaw.map(|(side, deviation)| (nearest_side(side, here), deviation));
        let long = look.sides[0] > 0.6 * prior.size[0];
        let rolls = prior.is_wheeled && (self.oriented || (look.whole[0] && long));
        let likelihood = self.filter.update(&measured.place, yaw, rolls);
        let gain = (config.detection_probability * likelihood / config.clutter_per_m2).ln();
        self.by_lidar = Some(stamp);
        if apart {
            self.hit(stamp, gain, config);
            self.ground += 0.3 * (measured.ground - self.ground);
            self.belief.look(look);
            self.extent.look(measured, &prior);
            self.consider_turning(look);
        } else {
            self.measured = stamp;
            self.miss(0.0, config);
        }
        self.call(stamp, calls);
        self.orient();
    }

    /// Takes in a place where it was seen in a picture.
    pub(super) fn sight(&mut self, stamp: i64, place: &Place, call: &Call, config: &ObjectsConfig) {
        let likelihood = self.filter.update(place, None, false);
        let gain = (config.detection_probability * likelihood / config.clutter_per_m2).ln();
        self.hit(stamp, gain, config);
        self.call(stamp, std::slice::from_ref(call));
        self.orient();
    }

    /// Takes in what detectors call it.
    pub(super) fn call(&mut self, stamp: i64, calls: &[Call]) {
        for call in calls {
            self.belief.called(call.class, call.score);
            self.by_camera = Some(stamp);
        }
    }

    fn hit(&mut self, stamp: i64, gain: f64, config: &ObjectsConfig) {
        self.score = (self.score + gain).min(SUREST);
        self.confirmed |= self.score >= config.confirm;
        self.apart = stamp;
        self.measured = stamp;
        self.hits += 1;
    }

    /// Whether it is surely there: what was hardly seen is not for long.
    pub(super) fn is_there(&self, stamp: i64) -> bool {
        let unseen = stamp - self.apart;
        self.confirmed && (self.hits >= LASTING || unseen <= REMEMBERED_NS / 2)
    }

    /// Takes in that it was not seen; `visible` is how likely it was in full
    /// view.
    pub(super) fn miss(&mut self, visible: f64, config: &ObjectsConfig) {
        let found = (config.detection_probability * visible).max(0.05);
        self.score += (1.0 - found).ln();
    }

    /// Whether its length was taken for its width.
    fn consider_turning(&mut self, look: &Look) {
        let turned = Look {
            sides: [look.sides[1], look.sides[0]],
            whole: [look.whole[1], look.whole[0]],
            ..*look
        };
        let [now, then] = [look, &turned].map(|look| self.belief.plausibility(look));
        if !self.oriented && self.prior().is_wheeled && then > TURNS * now {
            self.filter.turn(FRAC_PI_2);
            self.extent.turn();
        }
    }

    /// Lets its motion tell where its front is.
    fn orient(&mut self) {
        let Gaussian { mean, covariance } = self.filter.estimate();
        let [vx, vy] = [mean[3], mean[4]];
        let speed = vx.hypot(vy);
        let noise = covariance[(3, 3)].max(covariance[(4, 4)]).sqrt();
        let telling = speed > TELLING_SPEED.max(3.0 * noise) && self.filter.moves > 0.9;
        if self.filter.moves > 0.95 && speed > 3.0 * noise {
            self.belief.moved();
        }
        let course = vy.atan2(vx);
        if !self.prior().is_wheeled {
            if self.filter.moves > 0.5 && speed > 2.0 * noise {
                self.filter.head(course, noise / speed);
            }
            return;
        }
        if !telling {
            return;
        }
        let astray = (nearest_axis(course, mean[2], PI) - mean[2]).abs() > ASTRAY;
        if astray {
            self.filter
                .head(nearest_side(mean[2], course), noise / speed);
            self.extent.turn();
        } else if !self.oriented && (vx * mean[2].cos() + vy * mean[2].sin()) < 0.0 {
            self.filter.turn(PI);
        }
        self.oriented = true;
    }

    /// What is known of it.
    pub(super) fn object(&self, stamp: i64, roads: Option<&Roads>) -> Object {
        let Gaussian { mean, covariance } = self.filter.estimate();
        let ([length, width, height], _) = self.extent.of(&self.prior());
        let (class, class_score) = self.belief.best();
        let recent = |seen: Option<i64>| seen.is_some_and(|seen| stamp - seen <= REMEMBERED_NS);
        let source = match (recent(self.by_lidar), recent(self.by_camera)) {
            (true, true) => Source::LidarAndCamera,
            (false, true) => Source::Camera,
            _ if self.by_lidar.is_some() => Source::Lidar,
            _ => Source::Camera,
        };
        let motion = if self.filter.moves > 0.5 {
            Motion::Moving
        } else {
            Motion::Standing
        };
        Object {
            id: self.id,
            class,
            class_score,
            score: 1.0 / (1.0 + (-self.score).exp()),
            centre: [mean[0], mean[1], self.ground + height / 2.0],
            yaw: nearest_axis(mean[2], 0.0, 2.0 * PI),
            length,
            width,
            height,
            velocity: [mean[3], mean[4]],
            yaw_rate: mean[5],
            covariance: std::array::from_fn(|i| std::array::from_fn(|j| covariance[(i, j)])),
            motion,
            source,
            unseen_s: (stamp - self.measured) as f64 * 1e-9,
            predicted: hypotheses(&self.filter, motion, class, roads),
        }
    }
}

/// People have no long side: they are measured along the line of sight.
fn turned_to(view: &View<'_>, expected: &Expected, prior: &Prior) -> Expected {
    if prior.is_wheeled || prior.size[0] > 0.9 {
        return *expected;
    }
    let [x, y] = expected.rectangle.centre;
    let yaw = (y - view.from[1]).atan2(x - view.from[0]);
    Expected {
        rectangle: Rectangle {
            yaw,
            ..expected.rectangle
        },
        ..*expected
    }
}
