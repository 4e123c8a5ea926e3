//! The images that the runs kept of their final evaluation: outputs of every arm for a few test images.

use allconv_record::{ArtefactPicture, Artefacts, PictureRole, RunDirectory};

use super::run::RunResult;
use crate::text::visible;

/// Bytes of all images that a report embeds; in base64 they take a third more, and the page has to stay below two megabytes.
const MOST_BYTES: usize = 750_000;

/// Bytes of one image above which it is left out: runs keep crops, not photographs.
const MOST_BYTES_EACH: usize = 200_000;

/// Test images that are shown.
const MOST_IMAGES: usize = 8;

const PNG_SIGNATURE: [u8; 8] = [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n'];

/// One test image with its input, target and outputs.
#[derive(Clone, Debug, PartialEq)]
pub struct ShownImage {
    /// Its name.
    pub name: String,
    /// Input, target and anchor, which are the same for every arm, then one output per arm that kept one.
    pub pictures: Vec<ShownPicture>,
}

/// One image of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct ShownPicture {
    /// Its content.
    pub role: PictureRole,
    /// Position of the arm whose output it is, and the seed of the run; `None` for input, target and anchor.
    pub arm: Option<(usize, u64)>,
    /// Its parts.
    pub caption: Option<String>,
    /// Metrics of the image, by name.
    pub metrics: Vec<(String, f64)>,
    /// The file.
    pub png: Vec<u8>,
}

/// The images of a study.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ShownImages {
    /// Those that are shown.
    pub images: Vec<ShownImage>,
    /// Names of test images that are in the run directories but not shown, to keep the page small.
    pub left_out: Vec<String>,
}

impl ShownImages {
    /// Reads the images of the first run of every arm that kept some. Unreadable ones become a sentence in `warnings`.
    pub(crate) fn read(runs: &[RunResult], warnings: &mut Vec<String>) -> ShownImages {
        let sources = sources(runs, warnings);
        let mut names: Vec<&str> = Vec::new();
        for picture in sources.iter().flat_map(|source| &source.artefacts.pictures) {
            if !names.contains(&picture.example.as_str()) {
                names.push(&picture.example);
            }
        }
        let mut shown = ShownImages::default();
        let mut bytes = 0;
        for name in names {
            let pictures = pictures_of(name, &sources, warnings);
            let size: usize = pictures.iter().map(|picture| picture.png.len()).sum();
            if shown.images.len() < MOST_IMAGES && bytes + size <= MOST_BYTES && !pictures.is_empty() {
                bytes += size;
                shown.images.push(ShownImage { name: visible(name), pictures });
            } else {
                shown.left_out.push(visible(name));
            }
        }
        shown
    }
}

/// A run whose images represent its arm.
struct Source<'a> {
    run: &'a RunResult,
    directory: &'a RunDirectory,
    artefacts: Artefacts,
}

/// Returns the first finished run of each arm that kept images, in the order of the arms.
fn sources<'a>(runs: &'a [RunResult], warnings: &mut Vec<String>) -> Vec<Source<'a>> {
    let mut sources: Vec<Source<'a>> = Vec::new();
    for run in runs.iter().filter(|run| run.value.is_some()) {
        let Some(directory) = &run.directory else { continue };
        if sources.iter().any(|source| source.run.arm_index == run.arm_index) {
            continue;
        }
        match directory.read_artefacts() {
            Ok(artefacts) if !artefacts.pictures.is_empty() => {
                sources.push(Source { run, directory, artefacts })
            }
            Ok(_) => {}
            Err(error) => warnings.push(format!("Pictures were left out: {error}.")),
        }
    }
    sources.sort_by_key(|source| source.run.arm_index);
    sources
}

fn pictures_of(name: &str, sources: &[Source<'_>], warnings: &mut Vec<String>) -> Vec<ShownPicture> {
    let mut shown = Vec::new();
    let find = |source: &'_ Source<'_>, role: PictureRole| -> Option<ArtefactPicture> {
        let mut pictures = source.artefacts.pictures.iter();
        pictures.find(|picture| picture.example == name && picture.role == role).cloned()
    };
    for role in [PictureRole::Input, PictureRole::Target, PictureRole::Bicubic] {
        let found = sources.iter().find_map(|source| Some((source, find(source, role)?)));
        if let Some((source, picture)) = found {
            shown.extend(read(source, picture, None, warnings));
        }
    }
    for source in sources {
        for picture in
            [PictureRole::Output, PictureRole::Explanation].into_iter().filter_map(|role| find(source, role))
        {
            let arm = Some((source.run.arm_index, source.run.seed));
            shown.extend(read(source, picture, arm, warnings));
        }
    }
    shown
}

fn read(
    source: &Source<'_>,
    picture: ArtefactPicture,
    arm: Option<(usize, u64)>,
    warnings: &mut Vec<String>,
) -> Option<ShownPicture> {
    let path = source.directory.artefacts().join(&picture.file);
    let reason = match std::fs::read(&path) {
        Ok(png) if !png.starts_with(&PNG_SIGNATURE) => "is no PNG file".to_string(),
        Ok(png) if png.len() > MOST_BYTES_EACH => {
            format!("has {} bytes, a report shows pictures of at most {MOST_BYTES_EACH}", png.len())
        }
        Ok(png) => {
            return Some(ShownPicture {
                role: picture.role,
                arm,
                caption: picture.caption.as_deref().map(visible),
                metrics: picture.metrics.iter().map(|(name, value)| (visible(name), *value)).collect(),
                png,
            });
        }
        Err(error) => format!("cannot be read: {error}"),
    };
    // Without the folder above the run's, so that a report does not depend on where the runs are.
    let run = source.run.folder_name().unwrap_or_default();
    warnings.push(format!("The picture {run}/artefacts/{} {reason}.", picture.file));
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::plan;
    use crate::results::StudyResults;
    use crate::testing::{small_study, write_pictures, write_run};
    use allconv_record::Status;

    #[test]
    fn every_arm_shows_its_first_run_and_images_that_are_too_large_are_reported() {
        let folder = tempfile::tempdir().unwrap();
        let study = small_study(2);
        for planned in plan(&study) {
            let directory = write_run(folder.path(), &planned, Status::Finished, Some(0.2));
            if planned.arm != "all_conv" {
                write_pictures(
                    &directory,
                    &["bird", "baby"],
                    |role| if role == "target" { 300_000 } else { 40 },
                );
            }
        }
        let results = StudyResults::collect(&study, &[folder.path().to_path_buf()]).unwrap();
        let shown = &results.shown_images;
        assert_eq!(
            shown.images.iter().map(|image| image.name.as_str()).collect::<Vec<_>>(),
            ["bird", "baby"]
        );
        let of_bird: Vec<_> =
            shown.images[0].pictures.iter().map(|picture| (picture.role, picture.arm)).collect();
        assert_eq!(
            of_bird,
            [
                (PictureRole::Bicubic, None),
                (PictureRole::Output, Some((0, 0))),
                (PictureRole::Output, Some((1, 0)))
            ]
        );
        assert_eq!(shown.images[0].pictures[1].metrics, [("error".to_string(), 0.25)]);
        let told = results.warnings.iter().filter(|warning| warning.contains("has 300000 bytes")).count();
        assert_eq!(told, 2, "{:?}", results.warnings);
    }

    #[test]
    fn what_would_make_the_page_too_large_is_left_out_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let study = small_study(1);
        let names = ["a", "b", "c", "d"];
        for planned in plan(&study) {
            let directory = write_run(folder.path(), &planned, Status::Finished, Some(0.2));
            write_pictures(&directory, &names, |_| 60_000);
        }
        let results = StudyResults::collect(&study, &[folder.path().to_path_buf()]).unwrap();
        // Target, bicubic and three outputs of 60 kB: two images fit into 750 kB.
        assert_eq!(results.shown_images.images.len(), 2);
        assert_eq!(results.shown_images.left_out, ["c", "d"]);
    }
}
