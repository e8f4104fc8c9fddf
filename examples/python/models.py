"""The models that this key may use; the gateway answers by itself."""

from openai import OpenAI

for model in OpenAI().models.list():
    print(model.id)
