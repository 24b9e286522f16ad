from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from enum import Enum

class ResourceType(Enum):
    ANY = ...
    TOPIC = ...

class ResourcePatternType(Enum):
    ANY = ...
    LITERAL = ...

class AclOperation(Enum):
    ANY = ...
    READ = ...
    WRITE = ...
    DESCRIBE_CONFIGS = ...

class AclPermissionType(Enum):
    ANY = ...
    ALLOW = ...

class AclBinding:
    restype: ResourceType
    name: str
    resource_pattern_type: ResourcePatternType
    principal: str
    host: str
    operation: AclOperation
    permission_type: AclPermissionType
    def __init__(
        self,
        restype: ResourceType,
        name: str,
        resource_pattern_type: ResourcePatternType,
        principal: str,
        host: str,
        operation: AclOperation,
        permission_type: AclPermissionType,
    ) -> None: ...

class AclBindingFilter:
    def __init__(
        self,
        restype: ResourceType,
        name: str | None,
        resource_pattern_type: ResourcePatternType,
        principal: str | None,
        host: str | None,
        operation: AclOperation,
        permission_type: AclPermissionType,
    ) -> None: ...

class ScramMechanism(Enum):
    SCRAM_SHA_512 = ...

class ScramCredentialInfo:
    mechanism: ScramMechanism
    iterations: int
    def __init__(self, mechanism: ScramMechanism, iterations: int) -> None: ...

class UserScramCredentialsDescription:
    scram_credential_infos: list[ScramCredentialInfo]

class UserScramCredentialAlteration: ...

class UserScramCredentialUpsertion(UserScramCredentialAlteration):
    def __init__(
        self, user: str, scram_credential_info: ScramCredentialInfo, password: bytes
    ) -> None: ...

class UserScramCredentialDeletion(UserScramCredentialAlteration):
    def __init__(self, user: str, mechanism: ScramMechanism) -> None: ...

class AdminClient:
    def __init__(self, conf: Mapping[str, str]) -> None: ...
    def alter_user_scram_credentials(
        self, alterations: Sequence[UserScramCredentialAlteration]
    ) -> Mapping[str, Future[None]]: ...
    def describe_user_scram_credentials(
        self,
    ) -> Future[Mapping[str, UserScramCredentialsDescription]]: ...
    def describe_acls(self, acl_binding_filter: AclBindingFilter) -> Future[list[AclBinding]]: ...
    def create_acls(self, acls: Sequence[AclBinding]) -> Mapping[AclBinding, Future[None]]: ...
    def delete_acls(
        self, acl_binding_filters: Sequence[AclBindingFilter]
    ) -> Mapping[AclBindingFilter, Future[list[AclBinding]]]: ...
