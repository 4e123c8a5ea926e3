//! `allconv explain`: explanations of a unit or a class as figures, with the check whether they depend on the trained weights.

use std::fs;
use std::time::Instant;

use allconv_document::Table;
use allconv_inspect::explain::{
    Choice, ContactSheet, DEFAULT_STEPS, EXPLANATIONS, Explanation, ExplanationRequest, Region, Target,
    input_picture, randomisation_check, signal_explanations, signal_picture, strongest_patches,
    unconditional_signals, write_signals,
};
use allconv_nets::{MaxPoolRule, ReluRule, SignalRules, StageSpec};
use anyhow::Context;
use image::RgbImage;
use serde_json::json;

use super::explain_page::{Section, page};
use crate::arguments::{ExplainArguments, MaxPoolArgument};
use crate::exit::{self, UsageError};
use crate::output;
use crate::subject::{Loaded, class_name, load};

/// Height and width of an image on a sheet, in pixels.
const CELL: u32 = 64;
/// The same for whole images that are larger than this, in pixels.
const LARGE_CELL: u32 = 112;
/// Default number of images.
const DEFAULT_COUNT: usize = 200;
/// Default number of units whose patches are shown.
const UNITS: usize = 8;
/// Default number of patches of each unit.
const TOP: usize = 4;
/// Images of the randomisation check.
const CHECKED: usize = 16;

/// Runs the command.
pub(crate) fn run(arguments: &ExplainArguments) -> anyhow::Result<u8> {
    let methods = explanations(arguments);
    if arguments.steps.is_some() && !arguments.method.iter().any(|name| name == "integrated") {
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
    let title = format!("{}: {}", loaded.subject.name(), target_name(&loaded, target));
    fs::write(&file, page(&title, &loaded.subject.origin().to_string(), &sections)?)
        .with_context(|| format!("cannot write {}", file.display()))?;
    output::print(&arguments.format.write(&table))?;
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

/// The explanations that the arguments name; without any the three signals.
fn explanations(arguments: &ExplainArguments) -> Vec<&'static dyn Explanation> {
    let is_wanted = |one: &&dyn Explanation| arguments.method.is_empty() && one.signal_rule().is_some();
    let named = |name: &String| EXPLANATIONS.into_iter().find(|one| one.name() == name);
    let default = EXPLANATIONS.into_iter().filter(is_wanted);
    default.chain(arguments.method.iter().filter_map(named)).collect()
}

/// Returns the sheet of every image with each method's explanation of it.
fn whole_images(
    arguments: &ExplainArguments,
    loaded: &Loaded,
    target: Target,
    methods: &[&dyn Explanation],
    max_pool: MaxPoolRule,
) -> anyhow::Result<Section> {
    let pictures = &loaded.pictures.spread(arguments.rows);
    let shape = pictures.shape();
    let region = Region::middle(shape);
    let steps = arguments.steps.unwrap_or(DEFAULT_STEPS);
    let request = ExplanationRequest { subject: &loaded.subject, pictures, target, max_pool, steps, region };
    let inputs = (0..pictures.len()).map(|picture| input_picture(pictures.pixels(picture), shape, region));
    let mut columns: Vec<Vec<RgbImage>> = vec![inputs.collect()];
    let names: Vec<&str> = methods.iter().map(|method| method.label()).collect();
    let mut caption = format!(
        "Each row: the image, then {} for {}. Grey is 0; each explanation has its own scale.",
        names.join(", "),
        target_name(loaded, target)
    );
    for method in methods {
        let found = method.explain(&request)?;
        columns.push(found.pictures);
        if let Some(note) = found.note {
            output::note(format_args!("{note}"));
            caption = format!("{caption} {note}");
        }
    }
    let mut sheet = ContactSheet::new(if region.size > LARGE_CELL as usize { LARGE_CELL } else { CELL });
    for picture in 0..pictures.len() {
        sheet.push(columns.iter().map(|column| column[picture].clone()).collect());
    }
    Ok(Section {
        title: "Images and what is said of them".to_owned(),
        caption,
        table: None,
        file: "images",
        picture: sheet.render(),
    })
}

fn target_name(loaded: &Loaded, target: Target) -> String {
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

/// Returns the sheet of the strongest patches of units with their reconstructions.
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
        for (_, relu) in signal_explanations() {
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
        table: None,
        file: "patches",
        picture: sheet.render(),
    })
}

/// Returns the sheet of the deconvnet's reconstructions of channels without an image.
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
            "All {} channels of {}, 16 a row: the deconvnet's reconstruction from the middle of the feature map; max pooling \
             without switches.",
            channels.len(),
            subject.stage_label(stage)
        ),
        table: None,
        file: "unconditional",
        picture: sheet.render(),
    })
}

/// Returns the randomisation check as a table, and its curves as a bar chart.
fn randomisation(loaded: &Loaded, target: Target) -> anyhow::Result<(Section, Table)> {
    let Loaded { subject, pictures, .. } = loaded;
    let pictures = pictures.spread(CHECKED);
    let rules: Vec<ReluRule> = signal_explanations().map(|(_, rule)| rule).collect();
    let steps = randomisation_check(subject, &pictures, target, &rules)?;
    let columns = [
        ("randomised_from", "Random from stage"),
        ("gradient", "Gradient"),
        ("deconvnet", "Deconvnet"),
        ("guided", "Guided"),
        ("silent", "Silent"),
    ];
    let mut table = Table::data("allconv.randomisation/1", &columns);
    let mut sheet = ContactSheet::new(32);
    for step in steps.chunks(rules.len()) {
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
    Ok((
        Section {
            title: "Do the explanations depend on the trained weights?".to_owned(),
            caption: format!(
                "Model randomisation (Adebayo et al., 2018) on {} images: rank correlation of the absolute signal with that of \
                 the network as it is, once the parameters from a stage to the end are random. Columns: gradient, deconvnet, \
                 guided backpropagation; black is 1, the same picture. `Silent` counts pictures in which no signal arrives.",
                pictures.len()
            ),
            table: Some(table.clone()),
            file: "randomisation",
            picture: sheet.render(),
        },
        table,
    ))
}
