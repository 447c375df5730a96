"""The component: what the host calls. Rules that need no host stand in files of their own, and are tested there."""

import json

from componentize_py_types import Err
from wit_world.exports import Lifecycle as LifecycleExports
from wit_world.exports import {{class}} as {{class}}Exports
from wit_world.exports.lifecycle import PluginInfo
{{imports}}
from settings import complaints


class Lifecycle(LifecycleExports):
    def describe(self):
        return PluginInfo(id="{{name}}", version="0.1.0", hooks=["{{hook}}"])

    def validate_config(self, config_json):
        wrong = complaints(json.loads(config_json))
        if wrong:
            raise Err(wrong)


{{exports}}
