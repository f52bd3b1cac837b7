//! Reads for checks: typed, paged, and each failure with the right or the link that is missing.

use http::header::ACCEPT;
use kube::Client;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::adapter::kubernetes::client::{self, CALL, EndpointsForm};
use crate::adapter::kubernetes::error::{self, Error};

/// Objects of a page: as many pods as the watches take at once.
const PAGE: u32 = 500;

/// Asks for the metadata alone: what a Secret holds never leaves the server.
const METADATA: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";

/// Why something could not be looked at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Blind {
    /// `list nodes`.
    #[error("no right to {0}")]
    NoRight(String),
    #[error("the cluster does not serve {0}")]
    NotServed(String),
    #[error("the cluster does not know who you are (401): sign in again")]
    Stranger,
    #[error("{0}")]
    Lost(String),
}

impl From<Error> for Blind {
    fn from(error: Error) -> Self {
        match error {
            Error::Unauthorized => Self::Stranger,
            other => Self::Lost(other.to_string()),
        }
    }
}

/// One cluster, as it is read.
#[derive(Clone)]
pub struct Reader {
    client: Client,
    pub form: EndpointsForm,
}

#[derive(Deserialize)]
#[serde(bound = "T: DeserializeOwned")]
struct Page<T> {
    #[serde(default)]
    metadata: PageMeta,
    #[serde(default)]
    items: Option<Vec<T>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PageMeta {
    r#continue: Option<String>,
}

/// An object of which only that it is there matters.
#[derive(Debug, Deserialize)]
pub struct There {}

impl Reader {
    /// Reads over this client.
    pub async fn new(client: Client) -> Result<Self, Blind> {
        let form = client::endpoints_form(&client).await?;
        Ok(Self { client, form })
    }

    /// Reads an object; none where there is none. `right`: what it takes, as in `get jobs in booking`.
    pub async fn one<T: DeserializeOwned>(&self, path: &str, right: &str) -> Result<Option<T>, Blind> {
        self.get(path, "application/json", right).await
    }

    /// Returns whether an object is there, and reads no more of it than its metadata.
    pub async fn there(&self, path: &str, right: &str) -> Result<bool, Blind> {
        Ok(self.get::<There>(path, METADATA, right).await?.is_some())
    }

    /// Lists a collection, page by page. A collection that is not served is an error: an empty list would be a lie.
    pub async fn list<T: DeserializeOwned>(&self, path: &str, right: &str) -> Result<Vec<T>, Blind> {
        let mut all = Vec::new();
        let mut next = String::new();
        loop {
            let sign = if path.contains('?') { '&' } else { '?' };
            let page = format!("{path}{sign}limit={PAGE}{next}");
            let Some(page) = self.get::<Page<T>>(&page, "application/json", right).await? else {
                return Err(Blind::NotServed(right.strip_prefix("list ").unwrap_or(right).to_owned()));
            };
            all.extend(page.items.into_iter().flatten());
            match page.metadata.r#continue.filter(|token| !token.is_empty()) {
                Some(token) => next = format!("&continue={}", crate::adapter::kubernetes::change::escaped(&token)),
                None => return Ok(all),
            }
        }
    }

    async fn get<T: DeserializeOwned>(&self, path: &str, accept: &str, right: &str) -> Result<Option<T>, Blind> {
        let request = http::Request::get(path).header(ACCEPT, accept).body(Vec::new());
        let request = request.map_err(|error| Blind::Lost(error.to_string()))?;
        match tokio::time::timeout(CALL, self.client.request::<T>(request)).await {
            Err(_) => Err(Error::Timeout(CALL.as_secs()).into()),
            Ok(Ok(object)) => Ok(Some(object)),
            Ok(Err(kube::Error::Api(status))) if status.code == 404 => Ok(None),
            Ok(Err(kube::Error::Api(status))) if status.code == 403 => Err(Blind::NoRight(right.to_owned())),
            Ok(Err(error)) => Err(error::of_request(&error).into()),
        }
    }
}
