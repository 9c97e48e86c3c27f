use std::collections::HashMap;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use http::HeaderValue;
use http::header::CONTENT_SECURITY_POLICY;
use shoal_net::http::{Entity, HttpError, Path, Problem};

use crate::gateway::Gateway;
use crate::parameters::{Known, Name};

/// Where the files at `/media/{name}` come from.
#[async_trait]
pub trait Media: Send + Sync + 'static {
    /// The file of that name, if there is one. `name` is a plain file name: letters, digits, `.`, `-` and `_`, not
    /// beginning with a dot. Only `avif`, `gif`, `jpg`, `jpeg`, `png`, `svg` and `webp` are served.
    async fn find(&self, name: &str) -> Option<Entity>;

    /// Whether there is a file of that name now. Cheaper than finding it.
    fn has(&self, name: &str) -> bool;
}

/// Pictures may be kept for an hour before a cache asks whether they have changed.
const CACHE_CONTROL: &str = "public, max-age=3600";

/// A drawing opened by itself may style itself, and do nothing else.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'",
);

/// The content type of a file name, if files of that kind are served.
fn content_type(name: &str) -> Option<&'static str> {
    let (_, extension) = name.rsplit_once('.')?;
    Some(match extension {
        "avif" => "image/avif",
        "gif" => "image/gif",
        "jpg" | "jpeg" => "image/jpeg",
        "png" => "image/png",
        "svg" => "image/svg+xml",
        "webp" => "image/webp",
        _ => return None,
    })
}

/// A name that can only be a file of its own folder.
fn is_file_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    !name.starts_with('.') && name.bytes().all(plain)
}

/// Files that are part of the program.
pub struct EmbeddedMedia(HashMap<&'static str, Entity>);

impl EmbeddedMedia {
    /// Takes each file's name and bytes. Files of unknown kinds are left out.
    pub fn new(files: impl IntoIterator<Item = (&'static str, &'static [u8])>) -> Self {
        let entity = |(name, bytes)| {
            let content_type = content_type(name)?;
            Some((
                name,
                Entity::bytes(content_type, Bytes::from_static(bytes)).with_cache_control(CACHE_CONTROL),
            ))
        };
        Self(files.into_iter().filter_map(entity).collect())
    }
}

#[async_trait]
impl Media for EmbeddedMedia {
    async fn find(&self, name: &str) -> Option<Entity> {
        self.0.get(name).cloned()
    }

    fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }
}

/// The files of one folder, without those of folders within it. A file is read each time it is asked for.
pub struct MediaFolder(Arc<FilePath>);

impl MediaFolder {
    /// Serves the files of `folder`.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self(folder.into().into())
    }
}

#[async_trait]
impl Media for MediaFolder {
    async fn find(&self, name: &str) -> Option<Entity> {
        let (folder, name) = (self.0.clone(), name.to_owned());
        let read = tokio::task::spawn_blocking(move || {
            let content_type = content_type(&name)?;
            // A link could lead out of the folder; `read` would follow it.
            let whole = folder.join(name).canonicalize().ok()?;
            let inside = whole.parent() == folder.canonicalize().ok().as_deref();
            let bytes = if inside { std::fs::read(whole).ok()? } else { return None };
            Some(Entity::bytes(content_type, bytes).with_cache_control(CACHE_CONTROL))
        });
        read.await.ok().flatten()
    }

    fn has(&self, name: &str) -> bool {
        is_file_name(name) && content_type(name).is_some() && self.0.join(name).is_file()
    }
}

/// Shows a picture.
#[utoipa::path(get, path = "/media/{name}", tag = "node",
    params(("name" = String, Path, description = "The file's name"), Known),
    responses((status = 200, description = "The picture", content_type = "image/*", body = Vec<u8>)))]
pub(crate) async fn get_media(
    State(gateway): State<Gateway>,
    Path(Name(name)): Path<Name>,
    Known(known): Known,
) -> Result<Response, Problem> {
    let media = gateway.options.media.as_ref().filter(|_| is_file_name(&name));
    let found = match media {
        Some(media) => media.find(&name).await,
        None => None,
    };
    let mut response = found.ok_or(HttpError::NotFound {})?.answer(&known);
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, POLICY);
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_are_files() {
        for good in ["mug.svg", "a-b_c.1.png"] {
            assert!(is_file_name(good), "{good}");
        }
        for bad in [".", "..", "../mug.svg", "a/b.svg", "a\\b.svg", ".hidden.svg", "müg.svg", "a b.svg"] {
            assert!(!is_file_name(bad), "{bad}");
        }
        assert_eq!(content_type("mug.html"), None);
    }
}
