-- The accounts that claimed any of these e-mails.
select
  users.id,
  users.email,
  users.name,
  users.phone,
  users.role,
  users.accepts_marketing,
  users.tags,
  users.version,
  users.created_at,
  users.updated_at
from emails
join users on users.id = emails.user_id
where emails.email in {in}
