//! The classes of the COCO detection benchmark (Lin et al., "Microsoft COCO:
//! Common Objects in Context", ECCV 2014).

/// Category identifier, as COCO's annotation files number it, and name of
/// each class, in the order in which detectors number them from 0.
///
/// The identifiers run from 1 to 90: ten categories were named and never
/// annotated.
pub const CATEGORIES: [(u16, &str); 80] = [
    (1, "person"),
    (2, "bicycle"),
    (3, "car"),
    (4, "motorcycle"),
    (5, "airplane"),
    (6, "bus"),
    (7, "train"),
    (8, "truck"),
    (9, "boat"),
    (10, "traffic light"),
    (11, "fire hydrant"),
    (13, "stop sign"),
    (14, "parking meter"),
    (15, "bench"),
    (16, "bird"),
    (17, "cat"),
    (18, "dog"),
    (19, "horse"),
    (20, "sheep"),
    (21, "cow"),
    (22, "elephant"),
    (23, "bear"),
    (24, "zebra"),
    (25, "giraffe"),
    (27, "backpack"),
    (28, "umbrella"),
    (31, "handbag"),
    (32, "tie"),
    (33, "suitcase"),
    (34, "frisbee"),
    (35, "skis"),
    (36, "snowboard"),
    (37, "sports ball"),
    (38, "kite"),
    (39, "baseball bat"),
    (40, "baseball glove"),
    (41, "skateboard"),
    (42, "surfboard"),
    (43, "tennis racket"),
    (44, "bottle"),
    (46, "wine glass"),
    (47, "cup"),
    (48, "fork"),
    (49, "knife"),
    (50, "spoon"),
    (51, "bowl"),
    (52, "banana"),
    (53, "apple"),
    (54, "sandwich"),
    (55, "orange"),
    (56, "broccoli"),
    (57, "carrot"),
    (58, "hot dog"),
    (59, "pizza"),
    (60, "donut"),
    (61, "cake"),
    (62, "chair"),
    (63, "couch"),
    (64, "potted plant"),
    (65, "bed"),
    (67, "dining table"),
    (70, "toilet"),
    (72, "tv"),
    (73, "laptop"),
    (74, "mouse"),
    (75, "remote"),
    (76, "keyboard"),
    (77, "cell phone"),
    (78, "microwave"),
    (79, "oven"),
    (80, "toaster"),
    (81, "sink"),
    (82, "refrigerator"),
    (84, "book"),
    (85, "clock"),
    (86, "vase"),
    (87, "scissors"),
    (88, "teddy bear"),
    (89, "hair drier"),
    (90, "toothbrush"),
];

/// The names of the classes, in the order in which detectors number them.
pub fn names() -> Vec<String> {
    CATEGORIES.iter().map(|&(_, name)| name.into()).collect()
}

/// COCO's category identifier of the class of this name, where it has one.
pub fn category_id(name: &str) -> Option<u16> {
    CATEGORIES
        .iter()
        .find_map(|&(id, category)| (category == name).then_some(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_skip_the_categories_that_were_never_annotated() {
        assert!(CATEGORIES.is_sorted_by(|a, b| a.0 < b.0));
        let skipped: Vec<u16> = (1..=90)
            .filter(|id| CATEGORIES.iter().all(|c| c.0 != *id))
            .collect();
        assert_eq!(skipped, [12, 26, 29, 30, 45, 66, 68, 69, 71, 83]);
    }

    #[test]
    fn a_class_is_found_by_name() {
        assert_eq!(category_id("person"), Some(1));
        assert_eq!(category_id("traffic light"), Some(10));
        assert_eq!(category_id("toothbrush"), Some(90));
        assert_eq!(category_id("unicorn"), None);
        assert_eq!(names()[2], "car");
    }
}
