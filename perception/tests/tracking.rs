//! The metrics of tracking against trackeval, on the same sequences.
#![allow(clippy::unwrap_used)]

use janus_perception::eval::{
    Clear, Hota, HotaAt, Identity, Sequence, TrackFrame, clear, hota, identity,
};
use serde_json::Value;

/// Made by `tools/scripts/reference_tracking.py`.
const REFERENCE: &str = include_str!("tracking.json");

/// From which similarity on a track is a truth's, as trackeval has it.
const LEAST: f64 = 0.5;

fn list<T>(of: &Value, item: impl Fn(&Value) -> T) -> Vec<T> {
    of.as_array().unwrap().iter().map(item).collect()
}

fn ids(of: &Value) -> Vec<u64> {
    list(of, |id| id.as_u64().unwrap())
}

fn flags(of: &Value) -> Vec<bool> {
    list(of, |flag| flag.as_bool().unwrap())
}

fn whole(of: &Value) -> TrackFrame {
    TrackFrame {
        truths: ids(&of["truths"]),
        tracks: ids(&of["tracks"]),
        similarity: list(&of["similarity"], |s| s.as_f64().unwrap()),
    }
}

/// Without vans and what is hard, and without what is outside.
fn relevant(of: &Value) -> TrackFrame {
    let (vans, hard) = (flags(&of["van"]), flags(&of["hard"]));
    let ignored: Vec<bool> = vans.iter().zip(hard).map(|(v, h)| v | h).collect();
    whole(of).without(&ignored, &flags(&of["outside"]), LEAST)
}

fn check(name: &str, found: f64, wanted: &Value) {
    let wanted = wanted.as_f64().unwrap();
    assert!(
        (found - wanted).abs() < 1e-6,
        "{name}: {found}, not {wanted}"
    );
}

fn check_hota(name: &str, found: &Hota, wanted: &Value) {
    type Figure = (&'static str, fn(&HotaAt) -> f64);
    const FIGURES: [Figure; 11] = [
        ("HOTA", HotaAt::hota),
        ("DetA", HotaAt::det_a),
        ("DetRe", HotaAt::det_re),
        ("DetPr", HotaAt::det_pr),
        ("AssA", HotaAt::ass_a),
        ("AssRe", HotaAt::ass_re),
        ("AssPr", HotaAt::ass_pr),
        ("LocA", HotaAt::loc_a),
        ("HOTA_TP", |at| at.hits as f64),
        ("HOTA_FN", |at| at.misses as f64),
        ("HOTA_FP", |at| at.false_alarms as f64),
    ];
    for (key, figure) in FIGURES {
        let wanted = wanted[key].as_array().unwrap();
        assert_eq!(wanted.len(), found.alphas.len());
        for (i, (at, wanted)) in found.alphas.iter().zip(wanted).enumerate() {
            check(&format!("{name} {key} {i}"), figure(at), wanted);
        }
        let mean = wanted.iter().map(|w| w.as_f64().unwrap()).sum::<f64>() / 19.0;
        check(&format!("{name} {key}"), found.mean(figure), &mean.into());
    }
}

fn check_clear(name: &str, found: &Clear, wanted: &Value) {
    // trackeval leaves the accuracy at 0 where there is nothing to be tracked.
    let mota = match found.hits + found.misses {
        0 => 0.0,
        _ => found.mota(),
    };
    for (key, found) in [
        ("MOTA", mota),
        ("MOTP", found.motp()),
        ("CLR_TP", found.hits as f64),
        ("CLR_FN", found.misses as f64),
        ("CLR_FP", found.false_alarms as f64),
        ("IDSW", found.switches as f64),
        ("Frag", found.fragmentations as f64),
        ("MT", found.mostly_tracked as f64),
        ("PT", found.partly_tracked as f64),
        ("ML", found.mostly_lost as f64),
    ] {
        check(&format!("{name} {key}"), found, &wanted[key]);
    }
}

fn check_identity(name: &str, found: &Identity, wanted: &Value) {
    for (key, found) in [
        ("IDF1", found.idf1()),
        ("IDP", found.idp()),
        ("IDR", found.idr()),
        ("IDTP", found.hits as f64),
        ("IDFN", found.misses as f64),
        ("IDFP", found.false_alarms as f64),
    ] {
        check(&format!("{name} {key}"), found, &wanted[key]);
    }
}

fn check_all(kind: &str, frame: fn(&Value) -> TrackFrame) {
    let reference: Value = serde_json::from_str(REFERENCE).unwrap();
    let wanted = &reference[kind];
    let (mut hotas, mut clears, mut identities) =
        (Hota::default(), Clear::default(), Identity::default());
    let sequences = reference["sequences"].as_array().unwrap();
    assert!(sequences.len() > 5);
    for (i, frames) in sequences.iter().enumerate() {
        let sequence = Sequence::new(&list(frames, frame)).unwrap();
        let name = format!("{kind} {i}");
        let found = hota(&sequence);
        check_hota(&name, &found, &wanted["hota"]["sequences"][i]);
        hotas += &found;
        let found = clear(&sequence, LEAST);
        check_clear(&name, &found, &wanted["clear"]["sequences"][i]);
        clears += &found;
        let found = identity(&sequence, LEAST);
        check_identity(&name, &found, &wanted["identity"]["sequences"][i]);
        identities += &found;
    }
    check_hota(kind, &hotas, &wanted["hota"]["all"]);
    check_clear(kind, &clears, &wanted["clear"]["all"]);
    check_identity(kind, &identities, &wanted["identity"]["all"]);
}

#[test]
fn all_is_as_trackeval_has_it() {
    check_all("whole", whole);
}

#[test]
fn what_is_left_out_is_what_trackeval_leaves_out() {
    check_all("relevant", relevant);
}
