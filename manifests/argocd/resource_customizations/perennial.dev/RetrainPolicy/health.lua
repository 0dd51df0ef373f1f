-- Drift and brakes are the policy's work, not its health.
local function find(type)
  if obj.status ~= nil and obj.status.conditions ~= nil then
    for _, condition in ipairs(obj.status.conditions) do
      if condition.type == type then
        return condition
      end
    end
  end
  return nil
end

local function isCurrent(condition)
  return condition.observedGeneration == nil or condition.observedGeneration == obj.metadata.generation
end

local stalled, ready = find("Stalled"), find("Ready")

if stalled ~= nil and stalled.status == "True" then
  if isCurrent(stalled) then
    return { status = "Degraded", message = stalled.message }
  end
  return { status = "Progressing", message = "Waiting for the operator to look at the new spec" }
end
if obj.spec.suspend == true then
  return { status = "Suspended", message = "spec.suspend is true" }
end
if ready ~= nil and ready.status == "True" then
  return { status = "Healthy", message = ready.message }
end
if ready ~= nil then
  return { status = "Progressing", message = ready.message }
end
return { status = "Progressing", message = "Waiting for the operator" }
