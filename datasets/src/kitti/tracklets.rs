//! Tracklets: the boxes that some raw drives come with.

use std::path::Path;

use nalgebra::{Translation3, UnitQuaternion};
use roxmltree::Node;

use super::labels::class;
use crate::annotation::Annotation;
use crate::error::{Error, Result};
use crate::file;
use crate::geometry::Pose;
use crate::info::Annotations;
use crate::xml;

const FILE: &str = "tracklet_labels.xml";
/// A pose has some 500 bytes; the largest published file has a few megabytes.
const TRACKLETS_LIMIT: u64 = 64 << 20;
/// How many tags and attributes are read: three times as many as the largest
/// published file has.
const MOST: usize = 1 << 18;
/// No place or size, m, is greater.
const LARGEST: f64 = 1e4;

/// The objects of a drive.
#[derive(Debug, Default)]
pub(super) struct Tracklets {
    objects: Vec<Object>,
}

/// One object through consecutive frames.
#[derive(Debug)]
struct Object {
    label: String,
    /// Length, width and height, m.
    size: [f64; 3],
    first: u64,
    /// Of the middle of its underside, in the Velodyne's frame.
    velodyne_from_box: Vec<Pose>,
}

/// The wrong element, and what it should have been.
type Wrong = (String, String);

impl Tracklets {
    /// Reads a drive's tracklets; there are none where it has no such file.
    pub(super) fn beside(drive: &Path) -> Result<Self> {
        let path = drive.join(FILE);
        if !path.is_file() {
            return Ok(Self::default());
        }
        let text = file::read_text(&path, TRACKLETS_LIMIT)?;
        Self::parse(&text).map_err(|(field, expected)| Error::Malformed {
            path,
            field,
            expected,
        })
    }

    fn parse(text: &str) -> Result<Self, Wrong> {
        // The files begin with a document type, which names no entities.
        let document =
            xml::parse(text, MOST, true).map_err(|expected| ("XML".to_owned(), expected))?;
        let tracklets = document
            .descendants()
            .find(|node| node.has_tag_name("tracklets"))
            .ok_or_else(|| ("tracklets".to_owned(), "an element of this name".to_owned()))?;
        let objects = items(tracklets)
            .map(Object::parse)
            .collect::<Result<_, _>>();
        objects.map(|objects| Self { objects })
    }

    /// The boxes of a frame.
    pub(super) fn at(&self, frame: u64, base_from_velodyne: &Pose) -> Vec<Annotation> {
        let objects = self.objects.iter().enumerate();
        let here = objects.filter_map(|(track, object)| {
            let since = usize::try_from(frame.checked_sub(object.first)?).ok()?;
            let underside = object.velodyne_from_box.get(since)?;
            let up = Translation3::new(0.0, 0.0, object.size[2] / 2.0);
            Some(Annotation {
                track: track.to_string(),
                class: class(&object.label),
                label: object.label.clone(),
                base_from_box: base_from_velodyne * underside * up,
                size: object.size,
                velocity: None,
                points: None,
                visibility: None,
            })
        });
        here.collect()
    }

    /// What they hold; `None` where there are none.
    pub(super) fn summary(&self) -> Option<Annotations> {
        let mut summary = Annotations {
            pictured: true,
            ..Annotations::default()
        };
        for object in &self.objects {
            let boxes = object.velodyne_from_box.len() as u64;
            summary.boxes += boxes;
            summary.tracks += 1;
            *summary.classes.entry(class(&object.label)).or_default() += boxes;
        }
        (!self.objects.is_empty()).then_some(summary)
    }
}

impl Object {
    fn parse(item: Node<'_, '_>) -> Result<Self, Wrong> {
        Self::read(item).map_err(|name| {
            let expected = format!("a number of at most {LARGEST}, of sizes above zero");
            (format!("tracklets/item/{name}"), expected)
        })
    }

    /// The object of an element, or the name of the part that is wrong.
    fn read(item: Node<'_, '_>) -> Result<Self, &'static str> {
        let side = |name| number(item, name).filter(|side| *side > 0.0).ok_or(name);
        let label = child(item, "objectType").and_then(|node| node.text());
        let first = number(item, "first_frame").filter(|n| n.fract() == 0.0 && *n >= 0.0);
        let poses = child(item, "poses").ok_or("poses")?;
        Ok(Self {
            label: label.ok_or("objectType")?.trim().to_owned(),
            size: [side("l")?, side("w")?, side("h")?],
            first: first.ok_or("first_frame")? as u64,
            velodyne_from_box: items(poses).map(pose).collect::<Result<_, _>>()?,
        })
    }
}

fn pose(item: Node<'_, '_>) -> Result<Pose, &'static str> {
    let of = |name| number(item, name).ok_or(name);
    let rotation = UnitQuaternion::from_euler_angles(of("rx")?, of("ry")?, of("rz")?);
    let place = Translation3::new(of("tx")?, of("ty")?, of("tz")?);
    Ok(Pose::from_parts(place, rotation))
}

fn items<'a, 'b>(node: Node<'a, 'b>) -> impl Iterator<Item = Node<'a, 'b>> {
    node.children().filter(|child| child.has_tag_name("item"))
}

fn child<'a, 'b>(node: Node<'a, 'b>, name: &str) -> Option<Node<'a, 'b>> {
    node.children().find(|child| child.has_tag_name(name))
}

fn number(node: Node<'_, '_>, name: &str) -> Option<f64> {
    let value: f64 = child(node, name)?.text()?.trim().parse().ok()?;
    (value.abs() <= LARGEST).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::annotation::Class;
    use proptest::prelude::*;

    const TEXT: &str = r#"<?xml version="1.0" encoding="UTF-8" standalone="yes" ?>
<!DOCTYPE boost_serialization>
<boost_serialization signature="serialization::archive" version="9">
<tracklets class_id="0" tracking_level="0" version="0">
  <count>1</count><item_version>1</item_version>
  <item class_id="1" tracking_level="0" version="1">
    <objectType>Van</objectType><h>2.0</h><w>1.9</w><l>4.5</l><first_frame>3</first_frame>
    <poses class_id="2" tracking_level="0" version="0">
      <count>2</count><item_version>2</item_version>
      <item><tx>10</tx><ty>1</ty><tz>-1.7</tz><rx>0</rx><ry>0</ry><rz>1.5</rz><state>2</state></item>
      <item><tx>11</tx><ty>1</ty><tz>-1.7</tz><rx>0</rx><ry>0</ry><rz>1.5</rz><state>2</state></item>
    </poses>
    <finished>1</finished>
  </item>
</tracklets>
</boost_serialization>"#;

    #[test]
    fn a_box_is_there_from_its_first_frame_to_its_last() {
        let tracklets = Tracklets::parse(TEXT).expect("is whole");
        let at = |frame| tracklets.at(frame, &Pose::identity());
        assert_eq!((at(2), at(5)), (vec![], vec![]));
        let here = at(4);
        assert_eq!((here[0].class, &*here[0].track), (Class::Van, "0"));
        assert_eq!(here[0].size, [4.5, 1.9, 2.0]);
        let centre = here[0].base_from_box.translation.vector;
        assert!((centre - nalgebra::Vector3::new(11.0, 1.0, -0.7)).norm() < 1e-12);
        let summary = tracklets.summary().expect("has some");
        assert_eq!((summary.boxes, summary.tracks), (2, 1));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let wrong = |from: &str, to: &str| {
            let found = Tracklets::parse(&TEXT.replace(from, to));
            found.expect_err("is wrong").0
        };
        assert_eq!(wrong("<rz>1.5</rz>", "<rz>NaN</rz>"), "tracklets/item/rz");
        assert_eq!(wrong("<h>2.0</h>", "<h>-2</h>"), "tracklets/item/h");
        let first = wrong("<first_frame>3", "<first_frame>-3");
        assert_eq!(first, "tracklets/item/first_frame");
        assert_eq!(wrong("</poses>", ""), "XML");
        assert_eq!(wrong("tracklets", "objects"), "tracklets");
        assert_eq!(wrong("ion>\n<", "ion [<!ENTITY a \"b\">]>\n<"), "XML");
        assert_eq!(wrong("<count>1", &"<a/>".repeat(MOST)), "XML");
        assert_eq!(wrong("<count>1", &"=".repeat(MOST)), "XML");
    }

    proptest! {
        #[test]
        fn spoilt_text_is_an_error_or_tracklets(at in 0..TEXT.len(), byte: u8, cut: bool) {
            let mut bytes = TEXT.as_bytes().to_vec();
            if cut { bytes.truncate(at) } else { bytes[at] = byte }
            let _ = Tracklets::parse(&String::from_utf8_lossy(&bytes));
        }
    }
}
