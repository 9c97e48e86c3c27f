-- Replaces a setting and counts it.
insert into settings (name, value, updated_at, version)
values ($1, $2, $3, 1)
on conflict (name) do update set
  value = excluded.value,
  updated_at = excluded.updated_at,
  version = settings.version + 1
