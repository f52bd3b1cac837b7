//! From the file's structs to the checked plan: names, references, defaults, duplicates.

use std::collections::HashMap;
use std::ops::Range;

use toml::Spanned;

use super::file::{EnvironmentFile, PlanFile, ServiceFile};
use super::policy::ReleaseFile;
use super::target::{self, Part};
use super::{ContextUse, defaults, names, notify, policy};
use crate::config::error::ConfigError;
use crate::config::position::{Position, Source};
use crate::config::similar::similar;
use crate::domain::id::{EnvironmentName, RolloutId, ServiceName};
use crate::domain::plan::{EngineKind, Environment, Plan, Service, Target, Workload};

/// What is read so far, and what is wrong with it.
pub(super) struct Build<'a> {
    pub source: &'a Source,
    pub errors: &'a mut Vec<ConfigError>,
    pub environments: Vec<Environment>,
    pub contexts: Vec<ContextUse>,
    /// True where an environment's name could not be read: a reference that finds none may mean that one.
    nameless: bool,
    /// The objects that are taken, by cluster, namespace, kind and name: which rollout has them.
    taken: HashMap<[String; 4], RolloutId>,
}

impl<'a> Build<'a> {
    pub(super) fn new(source: &'a Source, errors: &'a mut Vec<ConfigError>) -> Self {
        Self { source, errors, environments: Vec::new(), contexts: Vec::new(), nameless: false, taken: HashMap::new() }
    }

    /// Reads the whole file. What comes out is only a plan where no error was added.
    pub(super) fn plan(&mut self, file: &PlanFile, default_name: &str) -> Plan {
        self.environments(file.environment.as_deref().unwrap_or_default());
        // By name, for one that could not be read has left no environment.
        let of = |name: &EnvironmentName| {
            let files = file.environment.iter().flatten().map(Spanned::get_ref);
            let found = files.into_iter().find(|file| file.name.as_ref().is_some_and(|given| given.get_ref() == name.as_str()));
            found.and_then(|file| file.release.as_ref()).map(Spanned::get_ref)
        };
        let own: Vec<Option<&ReleaseFile>> = self.environments.iter().map(|environment| of(&environment.name)).collect();
        policy::make(self, file, &own);
        let channels = notify::channels(self, &file.notify);
        let services = self.services(file.service.as_deref().unwrap_or_default());
        let name = file.name.as_ref().map_or(default_name, |name| name.get_ref()).to_owned();
        Plan { name, path: None, environments: self.environments.clone(), services, provisional: false, channels }
    }

    fn environments(&mut self, files: &[Spanned<EnvironmentFile>]) {
        let mut seen = HashMap::new();
        for (at, spanned) in files.iter().enumerate() {
            let file = spanned.get_ref();
            let Some(name) = self.name(file.name.as_ref(), "environment") else {
                self.nameless = true;
                continue;
            };
            if !self.first(&mut seen, "environment", name) {
                continue;
            }
            let engine = file.engine.as_ref().map_or(EngineKind::Kubernetes, |engine| *engine.get_ref());
            if let (EngineKind::Simulated, Some(context)) = (engine, &file.context) {
                self.push(context.span(), "the simulated engine has no context").label("take this line out");
            }
            self.context(file.context.as_ref(), (engine == EngineKind::Kubernetes).then(|| spanned.span()));
            self.namespace(file.namespace.as_ref());
            let protection =
                file.protection.as_ref().map_or_else(|| defaults::protection(name.get_ref(), at, files.len()), |given| *given.get_ref());
            self.environments.push(Environment {
                name: name.get_ref().as_str().into(),
                engine,
                context: file.context.as_ref().map(|context| context.get_ref().clone()),
                namespace: file.namespace.as_ref().unwrap_or(name).get_ref().clone(),
                protection,
                colour: file.colour.as_ref().map_or_else(|| defaults::colour(protection, at, files.len()), |given| *given.get_ref()),
                policy: std::sync::Arc::default(),
            });
        }
    }

    fn services(&mut self, files: &[Spanned<ServiceFile>]) -> Vec<Service> {
        let mut seen = HashMap::new();
        let mut services = Vec::new();
        for file in files.iter().map(Spanned::get_ref) {
            let Some(name) = self.name(file.name.as_ref(), "service") else { continue };
            if !self.first(&mut seen, "service", name) {
                continue;
            }
            if let Some(image) = &file.image
                && let Some(reason) = names::repository(image.get_ref())
            {
                self.push(image.span(), format!("`{}` is no image repository", image.get_ref())).label(reason);
            }
            self.valid(file.container.as_ref(), "container name", names::label);
            let workloads = self.workloads(file, name);
            services.push(Service {
                name: name.get_ref().as_str().into(),
                image: file.image.as_ref().map(|image| image.get_ref().clone()),
                container: file.container.as_ref().map(|container| container.get_ref().clone()),
                workloads,
            });
        }
        services
    }

    fn workloads(&mut self, file: &ServiceFile, service: &Spanned<String>) -> Vec<Workload> {
        if file.workload.is_empty() {
            let target = Target::Deployment { name: service.get_ref().clone() };
            let places = (0..self.environments.len()).collect();
            let entry =
                Entry { name: service, places, target, parts: vec![Part::new("Deployment", service)], context: None, namespace: None };
            return self.place(file, service, &entry);
        }
        let listed: Vec<(&Spanned<String>, Option<Vec<usize>>)> = file
            .workload
            .iter()
            .map(|spanned| {
                let entry = spanned.get_ref();
                (entry.name.as_ref().unwrap_or(service), entry.environments.as_ref().map(|list| self.listed(list)))
            })
            .collect();
        let mut workloads = Vec::new();
        let mut seen: HashMap<(&str, usize), Range<usize>> = HashMap::new();
        for (spanned, (name, places)) in file.workload.iter().zip(&listed) {
            let entry = spanned.get_ref();
            self.valid(entry.name.as_ref(), "workload name", names::label);
            self.context(entry.context.as_ref(), None);
            self.namespace(entry.namespace.as_ref());
            // Without a list: where no other entry of this name is listed.
            let rest = || {
                let others: Vec<usize> =
                    listed.iter().filter(|(other, _)| other.get_ref() == name.get_ref()).filter_map(|(_, l)| l.clone()).flatten().collect();
                (0..self.environments.len()).filter(|at| !others.contains(at)).collect()
            };
            let places: Vec<usize> = places.clone().unwrap_or_else(rest);
            let at = entry.name.as_ref().map_or(spanned.span(), Spanned::span);
            for place in &places {
                if let Some(before) = seen.insert((name.get_ref(), *place), at.clone()) {
                    let (line, environment) = (self.source.at(before).line, self.environments[*place].name.clone());
                    self.push(
                        at.clone(),
                        format!("workload `{}` of service `{}` is in `{environment}` twice", name.get_ref(), service.get_ref()),
                    )
                    .label(format!("first on line {line}; give them a `name` each, or other `environments`"));
                    break;
                }
            }
            let simulated = places.iter().all(|place| self.environments[*place].engine == EngineKind::Simulated);
            let Some((target, parts)) = target::read(self, spanned, name, simulated) else { continue };
            let entry = Entry { name, places, target, parts, context: entry.context.as_ref(), namespace: entry.namespace.as_ref() };
            workloads.extend(self.place(file, service, &entry));
        }
        // The deck reads a service environment by environment.
        workloads.sort_by_key(|workload| self.environments.iter().position(|environment| environment.name == workload.id.environment));
        workloads
    }

    /// Makes a workload of each environment that an entry covers.
    fn place(&mut self, file: &ServiceFile, service: &Spanned<String>, entry: &Entry<'_>) -> Vec<Workload> {
        let mut workloads = Vec::new();
        for environment in entry.places.iter().filter_map(|at| self.environments.get(*at)).cloned().collect::<Vec<_>>() {
            let given = entry.context.filter(|_| environment.engine == EngineKind::Kubernetes);
            let context = given.map(|given| given.get_ref().clone()).or(environment.context);
            let namespace = entry.namespace.map_or(environment.namespace, |given| given.get_ref().clone());
            let id = RolloutId {
                environment: environment.name,
                service: ServiceName::new(service.get_ref().as_str()),
                workload: entry.name.get_ref().as_str().into(),
            };
            for part in &entry.parts {
                let cluster = format!("{} {}", environment.engine.word(), context.as_deref().unwrap_or_default());
                self.take([cluster, namespace.clone(), part.kind.to_owned(), part.name.clone()], part, &id);
            }
            workloads.push(Workload {
                id,
                engine: environment.engine,
                context,
                namespace,
                target: entry.target.clone(),
                image: file.image.as_ref().map(|image| image.get_ref().clone()),
                container: file.container.as_ref().map(|container| container.get_ref().clone()),
            });
        }
        workloads
    }

    /// Notes that a rollout has an object. One object in two rollouts is a copied line that was not changed: promoting the one
    /// would change the other.
    fn take(&mut self, object: [String; 4], part: &Part, id: &RolloutId) {
        if let Some(other) = self.taken.get(&object) {
            let [_, namespace, kind, name] = &object;
            let message = format!("{kind} {namespace}/{name} is both `{other}` and `{id}`");
            let label = if other.environment == id.environment {
                "one object, two rollouts".to_owned()
            } else {
                format!("give `{}` and `{}` a context or namespace each", other.environment, id.environment)
            };
            self.push(part.span.clone(), message).label(label);
        } else {
            self.taken.insert(object, id.clone());
        }
    }

    /// Returns the environments that a list names, by their places.
    pub(super) fn listed(&mut self, list: &Spanned<Vec<Spanned<String>>>) -> Vec<usize> {
        let mut places = Vec::new();
        for wanted in list.get_ref() {
            match self.environments.iter().position(|environment| environment.name.as_str() == wanted.get_ref()) {
                Some(place) if places.contains(&place) => {
                    self.push(wanted.span(), format!("`{}` is listed twice", wanted.get_ref())).label("once is enough");
                }
                Some(place) => places.push(place),
                None => {
                    self.environment(wanted.get_ref(), wanted.span());
                }
            }
        }
        places
    }

    /// Returns the environment of that name; an error where the plan has none.
    pub(super) fn environment(&mut self, name: &str, span: Range<usize>) -> Option<EnvironmentName> {
        if let Some(found) = self.environments.iter().find(|environment| environment.name.as_str() == name) {
            return Some(found.name.clone());
        }
        if !self.nameless {
            let known: Vec<String> = self.environments.iter().map(|environment| environment.name.to_string()).collect();
            let error = ConfigError::new(self.source.at(span), format!("there is no environment `{name}`"))
                .meant(similar(name, known.iter().map(String::as_str)))
                .note(format!("environments of this plan: {}", known.join(", ")));
            self.errors.push(error);
        }
        None
    }

    /// Returns the environments that a list names, by their places; all of them where there is no list.
    pub(super) fn places(&mut self, list: Option<&Spanned<Vec<Spanned<String>>>>) -> Vec<usize> {
        match list {
            Some(list) => self.listed(list),
            None => (0..self.environments.len()).collect(),
        }
    }

    /// Checks that a text says something; true where it is absent (reported as missing where it must be there).
    pub(super) fn told(&mut self, text: Option<&Spanned<String>>, key: &str) -> bool {
        let Some(text) = text.filter(|text| text.get_ref().trim().is_empty()) else { return true };
        self.push(text.span(), format!("`{key}` is empty"));
        false
    }

    /// Returns where a part of a text stands, which must be a slice of it; the whole text where its quotes hide that.
    pub(super) fn within(&self, text: &Spanned<String>, part: &str) -> Range<usize> {
        let start = text.span().start + 1 + (part.as_ptr() as usize).saturating_sub(text.get_ref().as_ptr() as usize);
        let span = start..start + part.len();
        if self.source.text().get(span.clone()) == Some(part) { span } else { text.span() }
    }

    /// Checks a name of ours; none where it is absent (reported as missing) or wrong.
    fn name<'f>(&mut self, name: Option<&'f Spanned<String>>, what: &str) -> Option<&'f Spanned<String>> {
        self.valid(name, &format!("{what} name"), names::label).then_some(name).flatten()
    }

    /// Checks a value by one of the rules of `names`; true where it is absent.
    pub(super) fn valid(&mut self, value: Option<&Spanned<String>>, what: &str, rule: fn(&str) -> Option<&'static str>) -> bool {
        let Some(value) = value else { return true };
        let Some(reason) = rule(value.get_ref()) else { return true };
        self.push(value.span(), format!("`{}` is no valid {what}", value.get_ref())).label(reason);
        false
    }

    fn namespace(&mut self, namespace: Option<&Spanned<String>>) {
        self.valid(namespace, "namespace", names::label);
    }

    /// Notes a context for the comparison with the kubeconfig; without one, that `header` means the current one.
    fn context(&mut self, context: Option<&Spanned<String>>, header: Option<Range<usize>>) {
        match (context, header) {
            (Some(context), _) if context.get_ref().trim().is_empty() => {
                self.push(context.span(), "`context` is empty").label("name one, or take the line out for the current context");
            }
            (Some(context), _) => {
                self.contexts.push(ContextUse { name: Some(context.get_ref().clone()), at: self.source.at(context.span()) });
            }
            (None, Some(header)) => self.contexts.push(ContextUse { name: None, at: self.source.at(header) }),
            (None, None) => {}
        }
    }

    pub(super) fn first<'f>(&mut self, seen: &mut HashMap<&'f str, Position>, what: &str, name: &'f Spanned<String>) -> bool {
        let at = self.source.at(name.span());
        if let Some(before) = seen.get(name.get_ref().as_str()) {
            let error =
                ConfigError::new(at, format!("there are two {what}s `{}`", name.get_ref())).label(format!("first on line {}", before.line));
            self.errors.push(error);
            return false;
        }
        seen.insert(name.get_ref(), at);
        true
    }

    /// Adds an error; what it returns takes the words beside the caret.
    pub(super) fn push(&mut self, span: Range<usize>, message: impl Into<String>) -> Labelled<'_> {
        self.errors.push(ConfigError::new(self.source.at(span), message));
        Labelled(self.errors.last_mut())
    }
}

/// An error just added.
pub(super) struct Labelled<'a>(Option<&'a mut ConfigError>);

impl Labelled<'_> {
    pub(super) fn label(self, label: impl Into<String>) {
        if let Some(error) = self.0 {
            error.label = Some(label.into());
        }
    }
}

/// One `[[service.workload]]` with its defaults filled in.
struct Entry<'f> {
    name: &'f Spanned<String>,
    places: Vec<usize>,
    target: Target,
    parts: Vec<Part>,
    context: Option<&'f Spanned<String>>,
    namespace: Option<&'f Spanned<String>>,
}
