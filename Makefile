# SPDX-License-Identifier: GPL-2.0
# The one door: `make VERB NAME=value` runs `tools/VERB --name=value`.

verbs := $(filter-out %.py,$(notdir $(shell find tools -maxdepth 1 -type f -perm -u+x | sort)))

lower = $(shell printf %s '$(1)' | tr 'A-Z_' 'a-z-')
quote = '$(subst ','\'',$(value $(1)))'
given = $(foreach name,$(.VARIABLES),$(if $(filter command,$(origin $(name))),$(name)))
options = $(foreach name,$(given),--$(call lower,$(name))=$(call quote,$(name)))

.PHONY: help $(verbs)
help: ; @tools/help

$(filter-out help,$(verbs)): ; @tools/$@ $(options)
