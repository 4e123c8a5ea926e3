//! Where a file of an image folder belongs: split, class and name, from its path.

/// A split of an image folder, in the order of storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SplitName {
    /// `train`
    Train = 0,
    /// `val` or `validation`
    Validation = 1,
    /// `test`
    Test = 2,
}

impl SplitName {
    /// Reads a folder's name, in any case.
    pub fn of_folder(folder: &str) -> Option<SplitName> {
        match folder.to_ascii_lowercase().as_str() {
            "train" | "training" => Some(SplitName::Train),
            "val" | "valid" | "validation" => Some(SplitName::Validation),
            "test" | "testing" => Some(SplitName::Test),
            _ => None,
        }
    }

    /// The folder's usual name.
    pub fn folder(self) -> &'static str {
        match self {
            SplitName::Train => TRAIN,
            SplitName::Validation => "val",
            SplitName::Test => "test",
        }
    }
}

/// Name of the training split.
const TRAIN: &str = "train";

/// The place of one image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its split.
    pub split: SplitName,
    /// Its class folder.
    pub class: String,
    /// Its file name.
    pub file: String,
}

/// Remembers the one leading folder, which all images must share.
#[derive(Clone, Debug, Default)]
pub struct Layout {
    leading: Option<Option<String>>,
    is_undivided: bool,
}

impl Layout {
    /// The layout `CLASS/FILE`, in which every image is a training image.
    pub fn undivided() -> Layout {
        Layout { leading: None, is_undivided: true }
    }

    /// True for an image that [`Layout::undivided`] would place, and this layout does not.
    pub fn would_fit_undivided(&self, path: &str) -> bool {
        let is_class = |place: &Place| SplitName::of_folder(&place.class).is_none();
        !self.is_undivided
            && Layout::undivided().place(path).is_ok_and(|place| place.as_ref().is_some_and(is_class))
    }

    /// Places a path of components joined by `/`; `None` if it is no image of a split (hidden, in a folder of an operating system, another
    /// extension, another depth, beside the splits).
    ///
    /// # Errors
    /// What was found instead, if this image's leading folder differs from that of the images before it.
    pub fn place(&mut self, path: &str) -> Result<Option<Place>, String> {
        let components: Vec<&str> = path.split('/').collect();
        let (leading, split, class, file) = match components[..] {
            [class, file] if self.is_undivided => (None, TRAIN, class, file),
            [leading, class, file] if self.is_undivided => (Some(leading), TRAIN, class, file),
            _ if self.is_undivided => return Ok(None),
            [split, class, file] => (None, split, class, file),
            [leading, split, class, file] => (Some(leading), split, class, file),
            _ => return Ok(None),
        };
        let Some(split) = SplitName::of_folder(split) else { return Ok(None) };
        if !is_image_name(file) || is_system_folder(class) || leading.is_some_and(is_system_folder) {
            return Ok(None);
        }
        let known = self.leading.get_or_insert_with(|| leading.map(str::to_string));
        if known.as_deref() != leading {
            let describe =
                |folder: Option<&str>| folder.map_or("no folder".to_string(), |name| format!("\"{name}\""));
            return Err(format!(
                "{} around this file and {} before",
                describe(leading),
                describe(known.as_deref())
            ));
        }
        Ok(Some(Place { split, class: class.to_string(), file: file.to_string() }))
    }
}

/// True for hidden folders and those in which systems keep thumbnails, forks and what was deleted.
pub(super) fn is_system_folder(folder: &str) -> bool {
    const NAMES: [&str; 8] = [
        "__macosx",
        "@eadir",
        "#recycle",
        "@recycle",
        "@recently-snapshot",
        "$recycle.bin",
        "lost+found",
        "system volume information",
    ];
    folder.starts_with('.') || NAMES.contains(&folder.to_lowercase().as_str())
}

/// Endings of the files that are read as images, in any case.
pub const IMAGE_ENDINGS: [&str; 5] = ["jpg", "jpeg", "png", "webp", "bmp"];

/// Endings of image files that are not read.
const UNREAD_ENDINGS: [&str; 10] = ["tif", "tiff", "gif", "heic", "heif", "avif", "jp2", "jxl", "ppm", "pgm"];

/// Returns the ending of an image file that is not read, if it is the name of one that is not hidden.
pub(super) fn unread_ending(file: &str) -> Option<&'static str> {
    let (stem, extension) = file.rsplit_once('.')?;
    let known = UNREAD_ENDINGS.into_iter().find(|known| extension.eq_ignore_ascii_case(known));
    known.filter(|_| !stem.is_empty() && !file.starts_with('.'))
}

/// Returns true for names of image files, in any case, that are not hidden.
pub(super) fn is_image_name(file: &str) -> bool {
    let Some((stem, extension)) = file.rsplit_once('.') else { return false };
    !stem.is_empty()
        && !file.starts_with('.')
        && IMAGE_ENDINGS.iter().any(|known| extension.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(path: &str) -> Option<Place> {
        Layout::default().place(path).expect("one leading folder")
    }

    #[test]
    fn one_leading_folder_is_stripped() {
        let expected = Place { split: SplitName::Train, class: "cat".into(), file: "1.jpg".into() };
        assert_eq!(place("train/cat/1.jpg"), Some(expected.clone()));
        assert_eq!(place("pets/train/cat/1.jpg"), Some(expected));
        assert_eq!(place("a/b/train/cat/1.jpg"), None);
    }

    #[test]
    fn val_means_validation_and_extensions_have_any_case() {
        assert_eq!(place("val/cat/1.JPEG").map(|place| place.split), Some(SplitName::Validation));
        assert_eq!(place("validation/cat/1.PnG").map(|place| place.split), Some(SplitName::Validation));
        assert_eq!(place("Valid/cat/1.webp").map(|place| place.split), Some(SplitName::Validation));
        assert_eq!(place("TRAINING/cat/1.bmp").map(|place| place.split), Some(SplitName::Train));
        assert_eq!(place("Testing/cat/1.png").map(|place| place.split), Some(SplitName::Test));
    }

    #[test]
    fn classes_alone_are_an_undivided_set() {
        let mut layout = Layout::undivided();
        for path in ["pets/cat/1.png", "pets/dog/2.png"] {
            let found = layout.place(path).expect("one leading folder").expect("an image");
            assert_eq!((found.split, found.class.len()), (SplitName::Train, 3));
        }
        assert_eq!(layout.place("1.png"), Ok(None));
        assert!(Layout::default().would_fit_undivided("cat/1.png"));
        assert!(!Layout::default().would_fit_undivided("1.png"));
    }

    #[test]
    fn files_that_are_no_images_are_left_out() {
        for path in [
            "train/cat/.1.jpg",
            "train/cat/._1.jpg",
            "train/cat/1.txt",
            "train/cat/jpg",
            "README.md",
            "dev/cat/1.jpg",
            "train/@eaDir/1.jpg",
            "train/__MACOSX/1.jpg",
            "$RECYCLE.BIN/train/cat/1.jpg",
        ] {
            assert_eq!(place(path), None, "{path}");
        }
    }

    #[test]
    fn different_leading_folders_are_refused() {
        let mut layout = Layout::default();
        layout.place("a/train/cat/1.jpg").expect("the first");
        assert!(layout.place("b/train/cat/2.jpg").expect_err("another folder").contains("\"b\""));
        assert!(layout.place("train/cat/2.jpg").expect_err("no folder").contains("no folder"));
    }
}
