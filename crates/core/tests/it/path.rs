//! The laws of paths.

use gleis_core::Path;
use proptest::prelude::*;

fn path() -> impl Strategy<Value = Path> {
    let segments = prop::collection::vec("[ab]{1,2}|é", 0..5);
    segments.prop_map(|it| Path::new(it.join(".")).expect("a good path"))
}

proptest! {
    #[test]
    fn a_path_is_its_segments(path in path()) {
        let segments: Vec<_> = path.segments().collect();
        prop_assert_eq!(Path::new(segments.join(".")), Ok(path.clone()));
        prop_assert_eq!(path.to_string().parse(), Ok(path));
    }

    #[test]
    fn joining_and_stripping_undo_each_other(a in path(), b in path()) {
        let joined = a.join(&b).expect("short enough");
        prop_assert!(a.is_prefix_of(&joined));
        prop_assert_eq!(joined.strip_prefix(&a), Some(b.clone()));
        prop_assert_eq!(joined.segments().count(), a.segments().count() + b.segments().count());
    }

    #[test]
    fn joining_is_associative_and_the_root_changes_nothing(a in path(), b in path(), c in path()) {
        let left = a.join(&b).and_then(|it| it.join(&c));
        let right = b.join(&c).and_then(|it| a.join(&it));
        prop_assert_eq!(left, right);
        prop_assert_eq!(a.join(&Path::root()), Ok(a.clone()));
        prop_assert_eq!(Path::root().join(&a), Ok(a));
    }

    #[test]
    fn a_prefix_is_a_prefix_by_segment(a in path(), b in path()) {
        let by_segment = b.segments().take(a.segments().count()).eq(a.segments());
        prop_assert_eq!(a.is_prefix_of(&b), by_segment);
        prop_assert_eq!(b.strip_prefix(&a).is_some(), by_segment);
    }

    #[test]
    fn prefixes_are_the_parents_in_reverse(path in path()) {
        let prefixes: Vec<_> = path.prefixes().collect();
        let not_root = |it: &Path| !it.is_root();
        let start = Some(path.clone()).filter(not_root);
        let mut parents: Vec<_> =
            std::iter::successors(start, |it| it.parent().filter(not_root)).collect();
        parents.reverse();
        prop_assert_eq!(prefixes, parents);
    }

    #[test]
    fn any_text_is_an_error_or_a_path_without_empty_segments(text in "[a.\\n]{0,8}|\\PC{0,20}") {
        if let Ok(path) = text.parse::<Path>() {
            prop_assert!(path.segments().all(|it| !it.is_empty()));
            prop_assert_eq!(path.as_str(), text.trim_matches('.'));
        }
    }
}
