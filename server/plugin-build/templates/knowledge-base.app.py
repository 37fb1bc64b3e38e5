"""One text file an article, in the folder that an administrator granted."""
import bihuan
from bihuan import guarded
from componentize_py_types import Err
from wit_world import exports
from wit_world.exports import knowledge_base, lifecycle
from wit_world.imports import files


class Lifecycle(exports.Lifecycle):
    @guarded
    def validate_config(self):
        return None

    @guarded
    def check(self):
        return lifecycle.CheckReport(True, "", "null")

    @guarded
    def migrate_config(self, from_version, old):
        return old


def folder(operation, *args):
    """An operation on the folder; what the host refuses becomes a failure."""
    try:
        return operation(*args)
    except Err as failed:
        detail = str(getattr(failed.value, "value", failed.value))
        if isinstance(failed.value, files.FileError_Denied):
            raise bihuan.config_failure("files.denied", detail) from None
        if isinstance(failed.value, files.FileError_Io):
            raise bihuan.transient("files.io", detail) from None
        raise bihuan.invalid_input("files.refused", detail) from None


def read(path):
    content = folder(files.read, path)
    return None if content is None else content.decode("utf-8", "replace")


def write(path, text):
    folder(files.write, path, text.encode())


def path_of(article):
    return article.external_ref or f"{article.id}.txt"


def render(article):
    """The first line says which content this is."""
    return f"{article.content_hash}\n{article.title}\n\n{article.body}\n"


def receipt(path, text):
    return knowledge_base.Receipt(path, text.split("\n")[0], None)


class KnowledgeBase(exports.KnowledgeBase):
    @guarded
    def upsert(self, a):
        path, text = path_of(a), render(a)
        if read(path) != text:
            write(path, text)
        return receipt(path, text)

    @guarded
    def look_up(self, a):
        path = path_of(a)
        text = read(path)
        if text is None:
            return knowledge_base.RemoteState_Absent()
        if text == render(a):
            return knowledge_base.RemoteState_Unchanged(receipt(path, text))
        return knowledge_base.RemoteState_Ours(receipt(path, text))

    @guarded
    def retract(self, external_ref, idempotency_key):
        folder(files.remove, external_ref)

    @guarded
    def put_synonyms(self, terms, idempotency_key):
        write("synonyms.tsv", "".join(f"{said}\t{term}\n" for said, term in terms))

    @guarded
    def flag(self, external_ref, reason, idempotency_key):
        text = read(external_ref)
        if text is None:
            raise bihuan.invalid_input("article.absent", "there is no such file")
        mark = f"\n存疑 Doubtful: {reason}\n"
        marked = text if text.endswith(mark) else text + mark
        write(external_ref, marked)
        return receipt(external_ref, marked)
