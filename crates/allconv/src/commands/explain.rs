//! `allconv explain`: what a unit or a class saw, as pictures, with the check whether the pictures depend on what was learned.

use std::fs;
use std::time::Instant;

use crate::output;
use allconv_inspect::explain::{
    Choice, ContactSheet, Region, SIGNAL_RULES, Target, class_maps, input_picture, integrated_gradients,
    map_picture, randomisation_check, signal_picture, signals, strongest_patches, unconditional_signals,
    write_signals,
};
use allconv_nets::{MaxPoolRule, ReluRule, SignalRules, StageSpec};
use anyhow::Context;
use image::RgbImage;
use serde_json::json;

use super::explain_page::{Section, page};
use crate::arguments::{ExplainArguments, MaxPoolArgument, MethodArgument};
use crate::exit::{self, UsageError};
use crate::subject::{Loaded, class_name, load};
use crate::table::Table;

/// Side of a picture on a sheet, in pixels.
const CELL: u32 = 64;
/// Side of a picture of a whole image wider than this, in pixels.
const LARGE_CELL: u32 = 112;
/// Images that are looked at unless told otherwise.
const DEFAULT_COUNT: usize = 200;
/// Steps of integrated gradients unless told otherwise.
const STEPS: usize = 64;
/// Units whose patches are shown unless told otherwise.
const UNITS: usize = 8;
/// Patches of each unit unless told otherwise.
const TOP: usize = 4;
/// Pictures that the randomisation check looks at.
const CHECKED: usize = 16;

/// Runs the command.
pub(crate) fn run(arguments: &ExplainArguments) -> anyhow::Result<u8> {
    let methods = methods(arguments);
    if arguments.steps.is_some() && !methods.iter().any(|method| matches!(method, MethodArgument::Integrated))
    {
        return Err(UsageError("--steps belongs to --method integrated".to_owned()).into());
    }
    let loaded = load(&arguments.subject, arguments.subject.count.unwrap_or(DEFAULT_COUNT))?;
    if let Some(file) = &arguments.signals {
        write_signals(&loaded.subject, &loaded.pictures, file)?;
        output::print_line(format_args!("{}", file.display()))?;
        return Ok(exit::OK);
    }
    let target = target(arguments)?;
    target.check(&loaded.subject)?;
    let rules = rules(arguments, &loaded)?;
    fs::create_dir_all(&arguments.out)
        .with_context(|| format!("cannot create {}", arguments.out.display()))?;
    let mut sections = Vec::new();
    let began = Instant::now();
    sections.push(whole_images(arguments, &loaded, target, &methods, rules)?);
    let seconds = began.elapsed().as_secs_f64();
    let shown = loaded.pictures.len().min(arguments.rows);
    let explanations = shown * methods.len();
    output::note(format_args!(
        "{explanations} explanations of {shown} images in {seconds:.1} s: {:.1} a second",
        explanations as f64 / seconds
    ));
    if let Target::Unit { stage, .. } = target {
        sections.push(unit_patches(arguments, &loaded, stage, rules)?);
        sections.push(unconditional(&loaded, stage)?);
    }
    let (check, table) = randomisation(&loaded, target)?;
    sections.push(check);
    for section in &sections {
        let file = arguments.out.join(format!("{}.png", section.file));
        section.picture.save(&file).with_context(|| format!("cannot write {}", file.display()))?;
    }
    let file = arguments.out.join("explain.html");
    let title = format!("{}: {}", loaded.subject.name(), target_words(&loaded, target));
    fs::write(&file, page(&title, &loaded.subject.origin().to_string(), &sections)?)
        .with_context(|| format!("cannot write {}", file.display()))?;
    output::print(&table.render(arguments.format))?;
    output::print_line(format_args!("{}", file.display()))?;
    Ok(exit::OK)
}

fn target(arguments: &ExplainArguments) -> Result<Target, UsageError> {
    let choice = |value: Option<usize>| value.map_or(Choice::Strongest, Choice::Given);
    match (arguments.layer, arguments.class) {
        (Some(_), Some(_)) => {
            Err(UsageError("--layer and --class exclude each other: a unit or a class".to_owned()))
        }
        (Some(stage), None) => {
            let position = match &arguments.position {
                None => Choice::Strongest,
                Some(text) => Choice::Given(position(text)?),
            };
            let channel = match arguments.channel.as_slice() {
                [] => Choice::Strongest,
                [first, ..] => Choice::Given(*first),
            };
            Ok(Target::Unit { stage, channel, position })
        }
        (None, class) => match arguments.channel.is_empty() && arguments.position.is_none() {
            true => Ok(Target::Class(choice(class))),
            false => Err(UsageError("--channel and --position need --layer".to_owned())),
        },
    }
}

fn position(text: &str) -> Result<[usize; 2], UsageError> {
    let parsed =
        text.split_once(',').and_then(|(row, column)| Some([row.parse().ok()?, column.parse().ok()?]));
    parsed.ok_or_else(|| UsageError(format!("--position {text} is not ROW,COLUMN")))
}

/// The rule of max pooling, refused where there is none to apply it to.
fn rules(arguments: &ExplainArguments, loaded: &Loaded) -> Result<MaxPoolRule, UsageError> {
    let is_max_pool =
        |stage: &StageSpec| matches!(stage, StageSpec::Downsample(operator) if operator.name() == "max_pool");
    let pools = loaded.subject.walk().stages.iter().filter(|shape| is_max_pool(&shape.stage));
    match arguments.max_pooling {
        MaxPoolArgument::Switches => Ok(MaxPoolRule::Switches),
        MaxPoolArgument::Spread if pools.count() == 0 => {
            Err(UsageError("--max-pooling spread: this network has no max pooling".to_owned()))
        }
        MaxPoolArgument::Spread => Ok(MaxPoolRule::Spread),
    }
}

fn methods(arguments: &ExplainArguments) -> Vec<MethodArgument> {
    match arguments.method.is_empty() {
        true => vec![MethodArgument::Gradient, MethodArgument::Deconvnet, MethodArgument::Guided],
        false => arguments.method.clone(),
    }
}

fn relu_rule(method: MethodArgument) -> Option<ReluRule> {
    match method {
        MethodArgument::Gradient => Some(ReluRule::Backpropagation),
        MethodArgument::Deconvnet => Some(ReluRule::Deconvnet),
        MethodArgument::Guided => Some(ReluRule::Guided),
        MethodArgument::GradCam | MethodArgument::Integrated => None,
    }
}

/// Every image beside what each method shows of it.
fn whole_images(
    arguments: &ExplainArguments,
    loaded: &Loaded,
    target: Target,
    methods: &[MethodArgument],
    max_pool: MaxPoolRule,
) -> anyhow::Result<Section> {
    let subject = &loaded.subject;
    let pictures = &loaded.pictures.spread(arguments.rows);
    let shape = pictures.shape();
    let [channels, height, width] = subject.walk().input;
    let side = height.min(width);
    let region = Region { top: (height - side) / 2, left: (width - side) / 2, side };
    let mut columns: Vec<Vec<RgbImage>> = vec![
        (0..pictures.len()).map(|picture| input_picture(pictures.pixels(picture), shape, region)).collect(),
    ];
    let mut notes = Vec::new();
    let class = match target {
        Target::Class(class) => class,
        Target::Unit { .. } => Choice::Strongest,
    };
    for method in methods {
        let column = match (method, relu_rule(*method)) {
            (_, Some(relu)) => {
                let rules = SignalRules { relu, max_pool };
                let found = signals(subject, pictures, target, rules)?;
                (0..pictures.len())
                    .map(|picture| signal_picture(found.of(picture), found.shape, region))
                    .collect()
            }
            (MethodArgument::GradCam, _) => {
                let stage = match target {
                    Target::Unit { stage, .. } => stage,
                    Target::Class(_) => subject.last_feature_stage()?,
                };
                let maps = class_maps(subject, pictures, class, stage)?;
                notes.push(format!("Grad-CAM reads {}.", subject.stage_label(stage)));
                maps.iter().map(|map| map_picture(&map.values, map.shape)).collect()
            }
            (_, None) => {
                let steps = arguments.steps.unwrap_or(STEPS);
                let found = integrated_gradients(subject, pictures, class, steps)?;
                let missing = found.iter().map(|one| one.missing().abs()).fold(0.0_f64, f64::max);
                let whole =
                    found.iter().map(|one| (one.place.value - one.baseline).abs()).fold(0.0_f64, f64::max);
                notes.push(format!(
                    "Integrated gradients in {} steps: completeness is missed by {missing:.2e} at most, where the \
                     logit differs from the baseline's by up to {whole:.2e}.",
                    steps
                ));
                found
                    .iter()
                    .map(|one| signal_picture(&one.values, [channels, height, width], region))
                    .collect()
            }
        };
        columns.push(column);
    }
    let mut sheet = ContactSheet::new(if side > LARGE_CELL as usize { LARGE_CELL } else { CELL });
    for picture in 0..pictures.len() {
        sheet.push(columns.iter().map(|column| column[picture].clone()).collect());
    }
    let names: Vec<&str> = methods.iter().map(|method| method_name(*method)).collect();
    for note in &notes {
        output::note(format_args!("{note}"));
    }
    let mut caption = format!(
        "Each row: the image, then {} for {}. Grey is 0; each picture has its own scale.",
        names.join(", "),
        target_words(loaded, target)
    );
    for note in notes {
        caption = format!("{caption} {note}");
    }
    Ok(Section {
        title: "Images and what is said of them".to_owned(),
        caption,
        file: "images",
        picture: sheet.render(),
    })
}

fn method_name(method: MethodArgument) -> &'static str {
    match method {
        MethodArgument::Gradient => "gradient",
        MethodArgument::Deconvnet => "deconvnet",
        MethodArgument::Guided => "guided backpropagation",
        MethodArgument::GradCam => "Grad-CAM",
        MethodArgument::Integrated => "integrated gradients",
    }
}

fn target_words(loaded: &Loaded, target: Target) -> String {
    match target {
        Target::Class(Choice::Strongest) => "the class with the largest logit".to_owned(),
        Target::Class(Choice::Given(class)) => class_name(&loaded.classes, class),
        Target::Unit { stage, channel, position } => {
            let channel = match channel {
                Choice::Strongest => "the strongest channel".to_owned(),
                Choice::Given(channel) => format!("channel {channel}"),
            };
            let position = match position {
                Choice::Strongest => String::new(),
                Choice::Given([row, column]) => format!(" at {row},{column}"),
            };
            format!("{channel}{position} of {}", loaded.subject.stage_label(stage))
        }
    }
}

/// The strongest patches of units beside their reconstructions.
fn unit_patches(
    arguments: &ExplainArguments,
    loaded: &Loaded,
    stage: usize,
    max_pool: MaxPoolRule,
) -> anyhow::Result<Section> {
    let Loaded { subject, pictures, .. } = loaded;
    let units = strongest_patches(
        subject,
        pictures,
        stage,
        &arguments.channel,
        arguments.units.unwrap_or(UNITS),
        arguments.top.unwrap_or(TOP),
    )?;
    let shape = pictures.shape();
    let mut sheet = ContactSheet::new(CELL);
    for unit in &units {
        let mut row: Vec<RgbImage> = unit
            .patches
            .iter()
            .map(|patch| input_picture(pictures.pixels(patch.picture), shape, patch.region))
            .collect();
        for (relu, _) in SIGNAL_RULES {
            let found = unit.signals(subject, pictures, stage, SignalRules { relu, max_pool });
            let pictures = unit.patches.iter().zip(&found);
            row.extend(
                pictures.map(|(patch, signal)| signal_picture(signal.of(0), signal.shape, patch.region)),
            );
        }
        sheet.push(row);
    }
    let channels: Vec<String> = units.iter().map(|unit| unit.channel.to_string()).collect();
    Ok(Section {
        title: "The patches to which units answer most".to_owned(),
        caption: format!(
            "Each row: channel {} of {}; its {} strongest patches among {} images, then the gradient, the deconvnet's and \
             guided backpropagation's reconstruction of each.",
            channels.join(", "),
            subject.stage_label(stage),
            units.first().map_or(0, |unit| unit.patches.len()),
            pictures.len()
        ),
        file: "patches",
        picture: sheet.render(),
    })
}

/// What channels look for without an image.
fn unconditional(loaded: &Loaded, stage: usize) -> anyhow::Result<Section> {
    let subject = &loaded.subject;
    let (found, region) = unconditional_signals(subject, stage, &[])?;
    let mut sheet = ContactSheet::new(32);
    let channels: Vec<usize> = (0..found.places.len()).collect();
    for row in channels.chunks(16) {
        sheet.push(
            row.iter().map(|channel| signal_picture(found.of(*channel), found.shape, region)).collect(),
        );
    }
    Ok(Section {
        title: "What the channels look for, without an image".to_owned(),
        caption: format!(
            "All {} channels of {}, 16 a row: the deconvnet's reconstruction from the middle of the map; max pooling \
             without switches.",
            channels.len(),
            subject.stage_label(stage)
        ),
        file: "unconditional",
        picture: sheet.render(),
    })
}

/// The randomisation check as a table, and its curves as a picture of bars.
fn randomisation(loaded: &Loaded, target: Target) -> anyhow::Result<(Section, Table)> {
    let Loaded { subject, pictures, .. } = loaded;
    let pictures = pictures.spread(CHECKED);
    let rules: Vec<ReluRule> = SIGNAL_RULES.iter().map(|(rule, _)| *rule).collect();
    let steps = randomisation_check(subject, &pictures, target, &rules)?;
    let columns = [
        ("randomised_from", "Random from stage"),
        ("gradient", "Gradient"),
        ("deconvnet", "Deconvnet"),
        ("guided", "Guided"),
        ("silent", "Silent"),
    ];
    let mut table = Table::new("allconv.randomisation/1", &columns);
    let mut sheet = ContactSheet::new(32);
    for step in steps.chunks(SIGNAL_RULES.len()) {
        let correlation =
            |index: usize| json!(step[index].correlation.map(|value| (value * 1e4).round() / 1e4));
        let silent: usize = step.iter().map(|step| step.silent).sum();
        table.push(vec![
            json!(subject.stage_label(step[0].stage)),
            correlation(0),
            correlation(1),
            correlation(2),
            json!(silent),
        ]);
        let shade = |value: Option<f64>| {
            let shade = value.map_or(255, |value| (255.0 * (1.0 - value.max(0.0))).round() as u8);
            RgbImage::from_pixel(1, 1, image::Rgb([shade; 3]))
        };
        sheet.push(step.iter().map(|step| shade(step.correlation)).collect());
    }
    let rendered = table.render(crate::table::Format::Md);
    Ok((
        Section {
            title: "Do the pictures depend on what was learned?".to_owned(),
            caption: format!(
                "Model randomisation (Adebayo et al., 2018) on {} images: rank correlation of the absolute signal with that of \
                 the network as it is, once the parameters from a stage to the end are random. Columns: gradient, deconvnet, \
                 guided backpropagation; black is 1, the same picture. `Silent` counts pictures in which no signal arrives.\n{rendered}",
                pictures.len()
            ),
            file: "randomisation",
            picture: sheet.render(),
        },
        table,
    ))
}
