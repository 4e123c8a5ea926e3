//! The request of a run that was resolved before: its specification in the words of a study file.

use allconv_record::{Request, RunSpecification};

/// Returns a request that resolves to `specification`, as far as data, device and numerics revisions are the same; its settings can be
/// changed before.
pub fn request_again(specification: &RunSpecification) -> Request {
    let RunSpecification { seed, data, net, train, .. } = specification;
    let (mut data, net, mut train) = (data.clone(), net.clone(), train.clone());
    // Tasks over maps have an augmentation of their own, and this field at its default.
    if data.contains_key("task") {
        data.remove("augment");
    }
    if let Some(toml::Value::Table(length)) = train.remove("length") {
        train.extend(length);
    }
    // What a specification leaves out is off; a request that leaves it out takes the preset's.
    train.entry("clip_gradient_norm").or_insert(toml::Value::Float(0.0));
    if train.contains_key("optimizer") {
        train.remove("momentum");
        train.remove("nesterov");
    } else {
        let sgd = ("sgd".to_owned(), toml::Value::Table(toml::Table::new()));
        train.insert("optimizer".to_owned(), toml::Table::from_iter([sgd]).into());
    }
    Request { seed: *seed, data, net, train }
}
