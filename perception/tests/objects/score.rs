//! How well things are followed.

use std::collections::BTreeMap;

use janus_datasets::{Class, Frame};
use janus_perception::{Motion, Object};
use pathfinding::prelude::{Matrix, kuhn_munkres};

/// A thing and an object no farther apart are the same, m.
const NEAR_M: f64 = 2.0;
/// Things count within this range, m,
const RANGE_M: f64 = 40.0;
/// with at least so many returns.
const RETURNS: u32 = 30;

/// A thing as it is.
#[derive(Clone, Debug)]
pub(crate) struct Thing {
    pub(crate) track: u32,
    pub(crate) class: Class,
    pub(crate) at: [f64; 2],
    pub(crate) size: [f64; 3],
    pub(crate) velocity: [f64; 2],
    /// Whether it has to be found.
    pub(crate) counts: bool,
}

/// The things of a frame, in odom.
pub(crate) fn things(frame: &Frame) -> Vec<Thing> {
    let pose = frame.pose.unwrap();
    let things = frame.annotations.iter().map(|annotation| {
        let at = (pose * annotation.base_from_box).translation.vector;
        let [vx, vy] = annotation.velocity.unwrap();
        let velocity = pose.rotation * nalgebra::Vector3::new(vx, vy, 0.0);
        let range = annotation.base_from_box.translation.vector.xy().norm();
        Thing {
            track: annotation.track.parse().unwrap(),
            class: annotation.class,
            at: [at.x, at.y],
            size: annotation.size,
            velocity: [velocity.x, velocity.y],
            counts: range < RANGE_M && annotation.points >= Some(RETURNS),
        }
    });
    things.collect()
}

/// How far something was from where it was predicted, m.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Off {
    /// On the average up to 3 s.
    pub(crate) average: f64,
    /// After 3 s.
    pub(crate) last: f64,
}

/// Displacement errors, m, and the share that is more than 2 m off at the end.
pub(crate) fn displacement(off: &[Off]) -> [f64; 3] {
    let of = |figure: fn(&Off) -> f64| mean(&off.iter().map(figure).collect::<Vec<_>>());
    let missed = |off: &Off| f64::from(u8::from(off.last > 2.0));
    [of(|off| off.average), of(|off| off.last), of(missed)]
}

/// Predicted places at each half second, by hypothesis.
type Predicted = Vec<Vec<[f64; 2]>>;

/// What was said of the frames of one drive.
#[derive(Default)]
pub(crate) struct Score {
    /// Frames of things that count, and of objects that should be one of them.
    pub(crate) truths: u64,
    pub(crate) guesses: u64,
    /// Of those, the frames in which a thing is an object.
    pub(crate) found: u64,
    pub(crate) switches: u64,
    /// By what is the same for things and for objects in all frames, how often
    /// they are in one place.
    together: BTreeMap<(u32, u64), u64>,
    of_things: BTreeMap<u32, u64>,
    of_objects: BTreeMap<u64, u64>,
    pub(crate) right_class: u64,
    pub(crate) centre: Vec<f64>,
    pub(crate) size: [Vec<f64>; 3],
    /// Squared errors of speed once followed for a second, m²/s².
    pub(crate) speed: Vec<f64>,
    /// Of moving vehicles, how far they were from where the likeliest
    /// hypothesis had them.
    pub(crate) predicted: Vec<Off>,
    /// The same of whichever hypothesis came nearest.
    pub(crate) best: Vec<Off>,
    /// How similar a thing and an object were in each frame that they met.
    similar: Vec<(u32, u64, f64)>,
}

/// Follows one drive.
#[derive(Default)]
pub(crate) struct Judge {
    pub(crate) score: Score,
    last: BTreeMap<u32, u64>,
    ages: BTreeMap<u64, u32>,
    /// Predictions that wait for the truth: thing, frame, places.
    waiting: Vec<(u32, usize, Predicted)>,
    history: Vec<BTreeMap<u32, [f64; 2]>>,
}

impl Judge {
    pub(crate) fn take(&mut self, frame: &Frame, objects: &[Object]) {
        let things = things(frame);
        let base = frame.pose.unwrap().translation.vector;
        let road = |o: &&Object| !matches!(o.class, Class::Obstacle | Class::Other);
        let objects: Vec<&Object> = objects.iter().filter(road).collect();
        for object in &objects {
            *self.ages.entry(object.id).or_default() += 1;
        }
        let pairs = self.pair(&things, &objects);
        self.history
            .push(things.iter().map(|t| (t.track, t.at)).collect());
        let mut taken = vec![false; objects.len()];
        for (thing, found) in things.iter().zip(&pairs) {
            if let Some(found) = found {
                taken[*found] = true;
            }
            if !thing.counts {
                continue;
            }
            self.score.truths += 1;
            *self.score.of_things.entry(thing.track).or_default() += 1;
            if let Some(found) = found {
                self.note(thing, objects[*found]);
            }
        }
        for ((object, taken), index) in objects.iter().zip(taken).zip(0..) {
            let range = (object.centre[0] - base.x).hypot(object.centre[1] - base.y);
            let on_uncounted = things
                .iter()
                .zip(&pairs)
                .any(|(thing, found)| *found == Some(index) && !thing.counts);
            // What is farther, or not to be found, may be found or not.
            if on_uncounted || (!taken && range >= RANGE_M) {
                continue;
            }
            self.score.guesses += 1;
            *self.score.of_objects.entry(object.id).or_default() += 1;
        }
        self.judge_predictions();
    }

    /// Of each thing the object that is it: the one that it was, else the
    /// nearest.
    fn pair(&mut self, things: &[Thing], objects: &[&Object]) -> Vec<Option<usize>> {
        let mut pairs = vec![None; things.len()];
        let mut taken = vec![false; objects.len()];
        let off = |thing: &Thing, object: &Object| {
            (thing.at[0] - object.centre[0]).hypot(thing.at[1] - object.centre[1])
        };
        for (thing, pair) in things.iter().zip(&mut pairs) {
            let last = self.last.get(&thing.track);
            let same = objects.iter().position(|o| Some(&o.id) == last);
            if let Some(same) = same.filter(|i| off(thing, objects[*i]) < NEAR_M && !taken[*i]) {
                *pair = Some(same);
                taken[same] = true;
            }
        }
        let mut rest: Vec<(f64, usize, usize)> = Vec::new();
        for (i, thing) in things.iter().enumerate() {
            for (j, object) in objects.iter().enumerate() {
                let apart = off(thing, object);
                if apart < NEAR_M && pairs[i].is_none() && !taken[j] {
                    rest.push((apart, i, j));
                }
            }
        }
        rest.sort_by(|a, b| a.0.total_cmp(&b.0).then((a.1, a.2).cmp(&(b.1, b.2))));
        for (_, i, j) in rest {
            if pairs[i].is_none() && !taken[j] {
                pairs[i] = Some(j);
                taken[j] = true;
            }
        }
        pairs
    }

    fn note(&mut self, thing: &Thing, object: &Object) {
        let score = &mut self.score;
        score.found += 1;
        let before = self.last.insert(thing.track, object.id);
        if before.is_some_and(|before| before != object.id) {
            score.switches += 1;
        }
        *score.together.entry((thing.track, object.id)).or_default() += 1;
        score.right_class += u64::from(thing.class == object.class);
        let off = (thing.at[0] - object.centre[0]).hypot(thing.at[1] - object.centre[1]);
        score.centre.push(off);
        score
            .similar
            .push((thing.track, object.id, 1.0 - off / NEAR_M));
        let size = [object.length, object.width, object.height];
        for (errors, (found, wanted)) in score.size.iter_mut().zip(size.iter().zip(thing.size)) {
            errors.push((found - wanted).abs());
        }
        if self.ages[&object.id] > 10 {
            let [a, b] = [thing.velocity, object.velocity].map(|[x, y]| x.hypot(y));
            score.speed.push((a - b).powi(2));
        }
        let vehicle = matches!(thing.class, Class::Car | Class::Van | Class::Bicycle);
        let moves = thing.velocity[0].hypot(thing.velocity[1]) > 1.0;
        if vehicle && moves && self.ages[&object.id] > 10 && object.motion == Motion::Moving {
            let places = object.predicted.iter().map(|hypothesis| {
                let poses = hypothesis.poses[..6].iter();
                poses.map(|pose| pose.at).collect()
            });
            let now = self.history.len() - 1;
            self.waiting.push((thing.track, now, places.collect()));
        }
    }

    /// Ten frames a second.
    fn judge_predictions(&mut self) {
        let now = self.history.len() - 1;
        let (due, waiting) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|(_, made, _)| made + 30 <= now);
        self.waiting = waiting;
        let due: Vec<(u32, usize, Predicted)> = due;
        for (track, made, predicted) in due {
            let truths = (1..=6).map(|i| self.history[made + 5 * i].get(&track).copied());
            let Some(truths) = truths.collect::<Option<Vec<[f64; 2]>>>() else {
                continue;
            };
            let off = |places: &Vec<[f64; 2]>| {
                let pairs = places.iter().zip(&truths);
                let off: Vec<f64> = pairs
                    .map(|(a, b)| (a[0] - b[0]).hypot(a[1] - b[1]))
                    .collect();
                Off {
                    average: mean(&off),
                    last: off[5],
                }
            };
            let all: Vec<Off> = predicted.iter().map(off).collect();
            let least = |figure: fn(&Off) -> f64| all.iter().map(figure).fold(f64::MAX, f64::min);
            self.score.predicted.push(all[0]);
            self.score.best.push(Off {
                average: least(|off| off.average),
                last: least(|off| off.last),
            });
        }
    }
}

impl Score {
    /// Ristani et al., "Performance measures and a data set for multi-target,
    /// multi-camera tracking", 2016.
    pub(crate) fn idf1(&self) -> f64 {
        let things: Vec<u32> = self.of_things.keys().copied().collect();
        let mut objects: Vec<Option<u64>> = self.of_objects.keys().copied().map(Some).collect();
        objects.resize(objects.len().max(things.len()), None);
        let mut weights = Matrix::new(things.len().max(1), objects.len().max(1), 0i64);
        for (i, thing) in things.iter().enumerate() {
            for (j, object) in objects.iter().enumerate() {
                let both = object.and_then(|object| self.together.get(&(*thing, object)));
                weights[(i, j)] = both.map_or(0, |n| *n as i64);
            }
        }
        let (same, _) = kuhn_munkres(&weights);
        2.0 * same as f64 / (self.truths + self.guesses) as f64
    }

    /// Luiten et al., "HOTA: A higher order metric for evaluating
    /// multi-object tracking", 2020, of the pairs that were made by nearness;
    /// things and objects are as similar as they are near, none at 2 m.
    pub(crate) fn hota(&self) -> f64 {
        let alphas: Vec<f64> = (1..20).map(|i| f64::from(i) * 0.05).collect();
        let at = alphas.iter().map(|alpha| {
            let mut both: BTreeMap<(u32, u64), u64> = BTreeMap::new();
            for (thing, object, similar) in &self.similar {
                if similar >= alpha {
                    *both.entry((*thing, *object)).or_default() += 1;
                }
            }
            let hits: u64 = both.values().sum();
            let detection = hits as f64 / (self.truths + self.guesses - hits) as f64;
            let associated = both.iter().map(|((thing, object), n)| {
                let all = self.of_things[thing] + self.of_objects[object] - n;
                *n as f64 * *n as f64 / all as f64
            });
            let association = associated.sum::<f64>() / hits.max(1) as f64;
            (detection * association).sqrt()
        });
        at.sum::<f64>() / alphas.len() as f64
    }

    pub(crate) fn add(&mut self, other: Self, offset: u64) {
        self.truths += other.truths;
        self.guesses += other.guesses;
        self.found += other.found;
        self.switches += other.switches;
        self.right_class += other.right_class;
        let thing = |track: u32| track + (offset as u32) * 10_000;
        let object = |id: u64| id + offset * 1_000_000;
        self.together.extend(
            other
                .together
                .into_iter()
                .map(|((t, o), n)| ((thing(t), object(o)), n)),
        );
        self.of_things
            .extend(other.of_things.into_iter().map(|(t, n)| (thing(t), n)));
        self.of_objects
            .extend(other.of_objects.into_iter().map(|(o, n)| (object(o), n)));
        self.similar.extend(
            other
                .similar
                .into_iter()
                .map(|(t, o, s)| (thing(t), object(o), s)),
        );
        self.centre.extend(other.centre);
        for (mine, theirs) in self.size.iter_mut().zip(other.size) {
            mine.extend(theirs);
        }
        self.speed.extend(other.speed);
        self.predicted.extend(other.predicted);
        self.best.extend(other.best);
    }

    pub(crate) fn speed_rms(&self) -> f64 {
        mean(&self.speed).sqrt()
    }

    pub(crate) fn print(&self, name: &str) {
        let [ade, fde, miss] = displacement(&self.predicted);
        let best = displacement(&self.best);
        eprintln!(
            "{name:26} IDF1 {:.3} HOTA {:.3} recall {:.3} precision {:.3} switches {:3} class {:.3} \
             centre {:.3} size {:.2} {:.2} {:.2} speed {:.2} ADE {:.2} FDE {:.2} miss {:.2} \
             best {:.2} {:.2} {:.2} of {}",
            self.idf1(),
            self.hota(),
            self.found as f64 / self.truths as f64,
            self.found as f64 / self.guesses as f64,
            self.switches,
            self.right_class as f64 / self.found as f64,
            median(&self.centre),
            median(&self.size[0]),
            median(&self.size[1]),
            median(&self.size[2]),
            self.speed_rms(),
            ade,
            fde,
            miss,
            best[0],
            best[1],
            best[2],
            self.predicted.len(),
        );
    }
}

pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}

pub(crate) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}
