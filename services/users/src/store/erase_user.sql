-- Closes the account $1 at version $2 and forgets the person, at the time $3. $4 is the role of those without rights.
update users
set
  email = null,
  name = '',
  phone = null,
  role = $4,
  accepts_marketing = 0,
  tags = '[]',
  password_hash = null,
  version = version + 1,
  updated_at = $3,
  deleted_at = $3
where id = $1 and version = $2 and deleted_at is null
