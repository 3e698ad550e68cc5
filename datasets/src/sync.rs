//! Records of several sensors, by their stamps, as one row of moments.

use std::collections::VecDeque;

use crate::loss::{Loss, Lost};

/// How far a record's stamp may lie behind the newest of its stream, ns: what
/// comes later has missed its moment.
pub(crate) const WINDOW_NS: i64 = 1_000_000_000;

/// A record of one sensor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Record {
    /// Its place among all records of the log.
    pub(crate) place: u64,
    /// Nanoseconds since the Unix epoch.
    pub(crate) stamp: i64,
}

/// The records of one moment.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Moment {
    /// That of the reference sensor's record.
    pub(crate) stamp: i64,
    /// Sensors, ascending, with the index of their record.
    pub(crate) records: Vec<(usize, usize)>,
    /// Whether the log's clock went back to it.
    pub(crate) begins: bool,
    /// Whether the log's clock had gone past this time before, and came back:
    /// what is known by time alone may belong to either.
    pub(crate) again: bool,
}

/// The moments of a log: one for each record of `sensors[0]`, the reference,
/// with the nearest record of every other sensor within `tolerance_ns`.
///
/// Each sensor's records come in the order of the log. They are sorted within
/// [`WINDOW_NS`]; what is [`Loss::Late`] or a [`Loss::Duplicate`] is counted and
/// left out, as is what stays [`Loss::Unpaired`].
pub(crate) fn moments(sensors: &[Vec<Record>], tolerance_ns: i64) -> (Vec<Moment>, Lost) {
    let mut lost = Lost::new();
    let Some((reference, others)) = sensors.split_first() else {
        return (Vec::new(), lost);
    };
    let passes = passes(reference, &mut lost);
    let mut newest = i64::MIN;
    let mut moments: Vec<Moment> = Vec::new();
    // Of each pass, where it begins in the log, and its moments.
    let mut parts = Vec::new();
    for pass in &passes {
        let begins = pass.iter().map(|&index| reference[index].place).min();
        let first = moments.len();
        moments.extend(pass.iter().enumerate().map(|(step, &index)| {
            let stamp = reference[index].stamp;
            Moment {
                stamp,
                records: vec![(0, index)],
                begins: step == 0 && first > 0,
                again: first > 0 && stamp <= newest,
            }
        }));
        newest = newest.max(moments.last().map_or(newest, |last| last.stamp));
        parts.push((begins.unwrap_or(0), first..moments.len()));
    }
    for (sensor, records) in (1..).zip(others) {
        for index in self::passes(records, &mut lost).into_iter().flatten() {
            let record = records[index];
            // What comes before the first pass belongs to it all the same.
            let part = parts.partition_point(|(begins, _)| *begins <= record.place);
            let part = parts.get(part.saturating_sub(1));
            let moments = part.and_then(|(_, part)| moments.get_mut(part.clone()));
            let moments = moments.unwrap_or_default();
            if !pair(moments, sensor, index, records, tolerance_ns) {
                *lost.entry(Loss::Unpaired).or_default() += 1;
            }
        }
    }
    (moments, lost)
}

/// Gives a record to the moment nearest to it, if that has none that is
/// nearer; `false` if a record, this or the one that it replaces, is left over.
fn pair(
    moments: &mut [Moment],
    sensor: usize,
    index: usize,
    records: &[Record],
    tolerance_ns: i64,
) -> bool {
    let stamp = records[index].stamp;
    let next = moments.partition_point(|moment| moment.stamp < stamp);
    let mut near = next.saturating_sub(1)..moments.len().min(next + 1);
    let Some(first) = near.next() else {
        return false;
    };
    let away = |from: i64| from.abs_diff(stamp);
    let nearest = near.fold(first, |a, b| {
        if away(moments[b].stamp) < away(moments[a].stamp) {
            b
        } else {
            a
        }
    });
    let moment = &mut moments[nearest];
    if away(moment.stamp) > tolerance_ns.unsigned_abs() {
        return false;
    }
    let away = |index: usize| records[index].stamp.abs_diff(moment.stamp);
    match moment.records.last_mut() {
        Some((held_by, held)) if *held_by == sensor => {
            if away(index) < away(*held) {
                *held = index;
            }
            false
        }
        _ => {
            moment.records.push((sensor, index));
            true
        }
    }
}

/// The indices of the records, sorted by their stamps, in passes: a new one
/// begins where the clock goes back by more than the window and the next
/// record goes on from there. A lone record that goes back is late.
fn passes(records: &[Record], lost: &mut Lost) -> Vec<Vec<usize>> {
    let mut passes: Vec<Vec<usize>> = vec![Vec::new()];
    let mut newest = i64::MIN;
    for (index, record) in records.iter().enumerate() {
        let horizon = newest.saturating_sub(WINDOW_NS);
        if record.stamp < horizon {
            let next = records.get(index + 1).map(|next| next.stamp);
            if next.is_none_or(|next| next < record.stamp || next >= horizon) {
                *lost.entry(Loss::Late).or_default() += 1;
                continue;
            }
            passes.push(Vec::new());
            newest = i64::MIN;
        }
        newest = newest.max(record.stamp);
        if let Some(pass) = passes.last_mut() {
            pass.push(index);
        }
    }
    for pass in &mut passes {
        pass.sort_by_key(|&index| records[index].stamp);
        let before = pass.len();
        pass.dedup_by_key(|index| records[*index].stamp);
        let duplicates = (before - pass.len()) as u64;
        if duplicates > 0 {
            *lost.entry(Loss::Duplicate).or_default() += duplicates;
        }
    }
    passes.retain(|pass| !pass.is_empty());
    passes
}

/// The indices of the records by which a time is known: sorted, and of times
/// that the log tells again after its clock went back the first telling alone.
pub(crate) fn first_told(records: &[Record], lost: &mut Lost) -> Vec<usize> {
    let mut told: VecDeque<usize> = VecDeque::new();
    for pass in passes(records, lost) {
        let stamp = |index: &usize| records[*index].stamp;
        let ends = told.front().map(stamp).zip(told.back().map(stamp));
        let Some((from, to)) = ends else {
            told = pass.into();
            continue;
        };
        let earlier = pass.partition_point(|index| stamp(index) < from);
        let later = pass.partition_point(|index| stamp(index) <= to);
        pass[..earlier]
            .iter()
            .rev()
            .for_each(|&index| told.push_front(index));
        told.extend(&pass[later..]);
        if later > earlier {
            *lost.entry(Loss::Late).or_default() += (later - earlier) as u64;
        }
    }
    told.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MS: i64 = 1_000_000;

    /// Records of several sensors, given as (sensor, ms) in the order of the
    /// log.
    fn log(records: &[(usize, i64)]) -> Vec<Vec<Record>> {
        let sensors = records.iter().map(|r| r.0 + 1).max().unwrap_or(0);
        let mut log = vec![Vec::new(); sensors];
        for (place, &(sensor, ms)) in (0..).zip(records) {
            let stamp = ms * MS;
            log[sensor].push(Record { place, stamp });
        }
        log
    }

    /// The stamps, ms, of each moment's records.
    fn stamps(log: &[Vec<Record>], moments: &[Moment]) -> Vec<Vec<Option<i64>>> {
        let stamp = |moment: &Moment, sensor: usize| {
            let mut found = moment.records.iter().filter(|(of, _)| *of == sensor);
            found
                .next()
                .map(|&(_, index)| log[sensor][index].stamp / MS)
        };
        let one = |moment: &Moment| (0..log.len()).map(|sensor| stamp(moment, sensor)).collect();
        moments.iter().map(one).collect()
    }

    #[test]
    fn records_meet_at_the_reference() {
        let log = log(&[
            (0, 100),
            (1, 120),
            (0, 200),
            (1, 195),
            (1, 230),
            (1, 290),
            (0, 300),
            (2, 151),
            (1, 361),
        ]);
        let (moments, lost) = moments(&log, 60 * MS);
        let expected = [
            vec![Some(100), Some(120), None],
            vec![Some(200), Some(195), Some(151)],
            vec![Some(300), Some(290), None],
        ];
        assert_eq!(stamps(&log, &moments), expected);
        assert_eq!(lost, Lost::from([(Loss::Unpaired, 2)]));
    }

    #[test]
    fn what_comes_out_of_order_is_sorted_or_late() {
        let log = log(&[
            (0, 0),
            (0, 1000),
            (0, 900),
            (0, 2100),
            (0, 1000),
            (0, 1050),
            (0, 2200),
            (0, 2100),
        ]);
        let (moments, lost) = moments(&log, 60 * MS);
        let found: Vec<i64> = moments.iter().map(|m| m.stamp / MS).collect();
        // 1050 is late as the others have gone on; 1000 came again with it,
        // and back together they look like a clock that was set back.
        assert_eq!(found, [0, 900, 1000, 2100, 1000, 1050, 2100, 2200]);
        assert!(lost.is_empty(), "{lost:?}");
        let alone = self::log(&[
            (0, 0),
            (0, 2100),
            (0, 1000),
            (0, 2100),
            (0, 2150),
            (0, 1000),
        ]);
        let (moments, lost) = self::moments(&alone, 60 * MS);
        let found: Vec<i64> = moments.iter().map(|m| m.stamp / MS).collect();
        assert_eq!(found, [0, 2100, 2150]);
        assert_eq!(lost, Lost::from([(Loss::Late, 2), (Loss::Duplicate, 1)]));
    }

    #[test]
    fn a_clock_set_back_begins_a_second_pass() {
        let log = log(&[
            (0, 5000),
            (1, 5001),
            (0, 5100),
            (1, 5101),
            (0, 9000),
            (1, 9001),
            (0, 5050),
            (1, 5051),
            (0, 5150),
            (1, 5151),
            (0, 9100),
            (1, 9101),
        ]);
        let (moments, lost) = moments(&log, 30 * MS);
        let found: Vec<_> = moments.iter().map(|m| (m.stamp / MS, m.again)).collect();
        let expected = [
            (5000, false),
            (5100, false),
            (9000, false),
            (5050, true),
            (5150, true),
            (9100, false),
        ];
        assert_eq!(found, expected);
        let begins: Vec<bool> = moments.iter().map(|m| m.begins).collect();
        assert_eq!(begins, [false, false, false, true, false, false]);
        for pair in stamps(&log, &moments) {
            assert_eq!(pair[1], pair[0].map(|ms| ms + 1));
        }
        assert!(lost.is_empty(), "{lost:?}");
        let mut lost = Lost::new();
        let told = first_told(&log[0], &mut lost);
        let told: Vec<i64> = told.iter().map(|&i| log[0][i].stamp / MS).collect();
        assert_eq!(told, [5000, 5100, 9000, 9100]);
        assert_eq!(lost, Lost::from([(Loss::Late, 2)]));
    }

    #[test]
    fn nothing_gives_nothing() {
        assert_eq!(moments(&[], MS), (Vec::new(), Lost::new()));
        assert_eq!(moments(&[vec![]], MS), (Vec::new(), Lost::new()));
        let (moments, lost) = moments(&[vec![], vec![Record { place: 0, stamp: 0 }]], MS);
        assert_eq!(
            (moments.len(), lost),
            (0, Lost::from([(Loss::Unpaired, 1)]))
        );
    }

    proptest! {
        /// Every record comes out once or is counted once.
        #[test]
        fn in_is_out_and_lost(
            records in prop::collection::vec((0usize..3, prop_oneof![0i64..400, -5_000i64..5_000, Just(i64::MAX / MS), Just(i64::MIN / MS)]), 0..200),
            tolerance in 0i64..200,
        ) {
            let mut log = log(&records);
            log.resize(3, Vec::new());
            let (moments, lost) = moments(&log, tolerance * MS);
            let mut used: Vec<(usize, usize)> = Vec::new();
            for moment in &moments {
                prop_assert_eq!(log[0][moment.records[0].1].stamp, moment.stamp);
                for &(sensor, index) in &moment.records {
                    used.push((sensor, index));
                    prop_assert!(log[sensor][index].stamp.abs_diff(moment.stamp) <= (tolerance * MS) as u64);
                }
            }
            let count = used.len() as u64;
            used.sort_unstable();
            used.dedup();
            prop_assert_eq!(used.len() as u64, count);
            prop_assert_eq!(count + lost.values().sum::<u64>(), records.len() as u64);
        }

        /// Whatever the order within the window, the moments are the same.
        #[test]
        fn order_within_the_window_does_not_matter(shuffled in Just((0..20).collect::<Vec<i64>>()).prop_shuffle()) {
            let records: Vec<(usize, i64)> = shuffled.iter().map(|i| (0, i * 50)).collect();
            let log = log(&records);
            let (moments, lost) = moments(&log, MS);
            let stamps: Vec<i64> = moments.iter().map(|m| m.stamp / MS).collect();
            prop_assert_eq!(stamps, (0..20).map(|i| i * 50).collect::<Vec<_>>());
            prop_assert!(lost.is_empty());
        }

        #[test]
        fn the_first_telling_is_in_order(stamps in prop::collection::vec(-9_000i64..9_000, 0..80)) {
            let records: Vec<(usize, i64)> = stamps.iter().map(|&ms| (0, ms)).collect();
            let log = log(&records);
            let records = log.first().map_or(&[][..], Vec::as_slice);
            let mut lost = Lost::new();
            let told = first_told(records, &mut lost);
            prop_assert!(told.windows(2).all(|p| records[p[0]].stamp < records[p[1]].stamp));
            prop_assert_eq!(told.len() as u64 + lost.values().sum::<u64>(), stamps.len() as u64);
        }
    }
}
