# SPDX-License-Identifier: GPL-2.0
# The one door: `make VERB NAME=value` runs `tools/VERB --name=value`.

verbs := $(notdir $(shell find tools -maxdepth 1 -type f -perm -u+x))

lower = $(shell printf %s '$(1)' | tr 'A-Z_' 'a-z-')
quote = '$(subst ','\'',$(value $(1)))'
given = $(foreach name,$(.VARIABLES),$(if $(filter command,$(origin $(name))),$(name)))
options = $(foreach name,$(given),--$(call lower,$(name))=$(call quote,$(name)))

.DEFAULT_GOAL := help
.PHONY: $(verbs)
$(verbs): ; @tools/$@ $(options)

.DEFAULT: ; @echo "make: there is no verb '$@'; make help lists them" >&2; exit 2
