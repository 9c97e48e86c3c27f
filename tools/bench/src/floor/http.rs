use std::path::Path;

use anyhow::Context;
use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use bytes::Bytes;

/// A bare axum handler that sends the bytes of `file` as JSON, until the process is ended.
pub(crate) async fn serve(file: &Path) -> anyhow::Result<()> {
    let body = Bytes::from(std::fs::read(file).context("the floor's file cannot be read")?);
    let handler = get(async move || ([(CONTENT_TYPE, "application/json")], body.clone()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    eprintln!("the floor serves http://{}", listener.local_addr()?);
    axum::serve(listener, Router::new().route("/{*path}", handler)).await?;
    Ok(())
}
