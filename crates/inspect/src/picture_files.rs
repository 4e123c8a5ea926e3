//! Picture files that the command line names: those in folders, and the classes that folders name.

use std::path::{Path, PathBuf};

use allconv_data::import::layout::IMAGE_ENDINGS;
use allconv_data::pairs::centred;
use allconv_data::{DataError, Picture};
use allconv_train::ExampleInput;

use crate::InspectError;

/// The files themselves, and the pictures in folders and below them, each folder's sorted by path; hidden files and folders are left out.
///
/// # Errors
/// [`InspectError::Request`] for a folder without pictures; [`InspectError::Data`] for one that cannot be read.
pub fn picture_files(arguments: &[PathBuf]) -> Result<Vec<PathBuf>, InspectError> {
    let mut files = Vec::new();
    for argument in arguments {
        match argument.is_dir() {
            true => files.extend(files_below(argument)?),
            false => files.push(argument.clone()),
        }
    }
    Ok(files)
}

/// The pictures in `folder` and below it, sorted by path; hidden files and folders are left out.
///
/// # Errors
/// [`InspectError::Request`] when there is none; [`InspectError::Data`] for a folder that cannot be read.
pub fn files_below(folder: &Path) -> Result<Vec<PathBuf>, InspectError> {
    let mut found = Vec::new();
    collect(folder, &mut found)?;
    if found.is_empty() {
        let kinds = IMAGE_ENDINGS.join(", ");
        return Err(InspectError::Request(format!("{} holds no images ({kinds})", folder.display())));
    }
    found.sort();
    Ok(found)
}

/// Adds the pictures in `folder` and below it.
fn collect(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), DataError> {
    let unreadable = |source| DataError::Io { action: "read", path: folder.to_path_buf(), source };
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let is_hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase());
        if is_hidden {
            continue;
        } else if path.is_dir() {
            collect(&path, found)?;
        } else if ending.is_some_and(|ending| IMAGE_ENDINGS.contains(&ending.as_str())) {
            found.push(path);
        }
    }
    Ok(())
}

/// The class of each file by the name of the folder that it lies in; `None` unless every folder has the name of a class.
pub(crate) fn folder_labels(files: &[PathBuf], classes: &[String]) -> Option<Vec<u32>> {
    let label = |file: &PathBuf| {
        let folder = file.parent()?.file_name()?.to_string_lossy();
        classes.iter().position(|class| *class == folder).map(|class| class as u32)
    };
    files.iter().map(label).collect()
}

/// Pictures as networks that return maps see them.
///
/// # Errors
/// [`InspectError::Image`] for a file that cannot be read, is no image, or has another number of channels.
pub(crate) fn seen_pictures(files: &[PathBuf], channels: usize) -> Result<Vec<ExampleInput>, InspectError> {
    let seen = |file: &PathBuf| {
        let image = file.display().to_string();
        let wrong = |reason: String| InspectError::Image { image: image.clone(), reason };
        let bytes = std::fs::read(file).map_err(|error| wrong(error.to_string()))?;
        let picture = Picture::decode(&image, &bytes).map_err(|error| wrong(error.to_string()))?;
        let shape = picture.shape();
        if shape.channels != channels {
            let (found, wanted) = (shape.channels, channels);
            return Err(wrong(format!(
                "it has {found} channels, the network takes {wanted}; convert it first"
            )));
        }
        let name = file.file_name().map_or(image.clone(), |name| name.to_string_lossy().into_owned());
        Ok(ExampleInput {
            name,
            values: picture.pixels().iter().map(|value| centred(*value)).collect(),
            shape,
        })
    };
    files.iter().map(seen).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_those_of_the_folders_or_none_at_all() {
        let classes = ["cat".to_owned(), "dog".to_owned()];
        let files = |names: &[&str]| names.iter().map(PathBuf::from).collect::<Vec<_>>();
        assert_eq!(folder_labels(&files(&["x/dog/1.png", "cat/2.png"]), &classes), Some(vec![1, 0]));
        assert_eq!(folder_labels(&files(&["x/dog/1.png", "cow/2.png"]), &classes), None);
        assert_eq!(folder_labels(&files(&["1.png"]), &classes), None);
    }

    #[test]
    fn folders_give_their_pictures_in_order_without_hidden_ones() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b/2.PNG", "a/1.jpg", "a/notes.txt", ".hidden/3.png", "a/.4.png"] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let found = picture_files(&[folder.path().to_path_buf(), PathBuf::from("other.png")]).unwrap();
        let wanted =
            [folder.path().join("a/1.jpg"), folder.path().join("b/2.PNG"), PathBuf::from("other.png")];
        assert_eq!(found, wanted);
        std::fs::create_dir(folder.path().join("empty")).unwrap();
        let told = picture_files(&[folder.path().join("empty")]).unwrap_err().to_string();
        assert!(told.contains("empty holds no images (jpg, jpeg, png, webp, bmp)"), "{told}");
    }
}
